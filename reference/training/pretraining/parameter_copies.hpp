#pragma once

#include "models/parameters.hpp"
#include "training/batch_workers.hpp"

namespace dvar::training {

/// Gives a network copies of parameters in another type, bf16 say, while the optimizer keeps the parameters themselves in fp32: a
/// step is often smaller than what a number of 8 bits can show (Micikevicius et al., arXiv 1710.03740).
class parameter_copies final : public models::parameter_source {
 public:
  parameter_copies(std::map<std::string, at::Tensor> parameters, at::ScalarType type);

  bool offers(const std::string& name) const override { return parameters_.contains(name); }
  /// Returns the copy, a leaf that requires a gradient. Throws `std::out_of_range` when there is no such parameter.
  at::Tensor parameter(const std::string& name, at::IntArrayRef shape,
                       models::initial_value initial) override;

  /// Moves the gradients of the copies to the parameters, which have none before.
  void hand_over_gradients(const batch_workers& workers);
  /// Brings the copies to the parameters' values.
  void follow(const batch_workers& workers);

 private:
  std::map<std::string, at::Tensor> parameters_;
  std::map<std::string, at::Tensor> copies_;
};

}  // namespace dvar::training
