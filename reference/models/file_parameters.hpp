#pragma once

#include <set>

#include "models/parameters.hpp"
#include "models/placement.hpp"
#include "weights/model_directory.hpp"

namespace dvar::models {

/// Gives parameters from the files of a model, converted to one precision and device; weights that products alone read are views
/// of the files where the placement leaves them there.
class file_parameters : public parameter_source {
 public:
  file_parameters(const weights::weight_map& weights, const placement& placement);

  bool offers(const std::string& name) const override { return weights_.contains(name); }
  at::Tensor parameter(const std::string& name, at::IntArrayRef shape, initial_value initial) override;
  at::Tensor weight(const std::string& name, at::IntArrayRef shape, initial_value initial) override;

  /// Returns the names in the files that no network asked for, sorted.
  std::vector<std::string> unused() const;

 private:
  /// Returns the type of a tensor in the files. Throws `dvar::input_error` when it is none of numbers with a point.
  at::ScalarType floating_type(const std::string& name) const;

  const weights::weight_map& weights_;
  placement placement_;
  std::int64_t bytes_ = 0;  ///< of all tensors in the files
  std::set<std::string> used_;
};

}  // namespace dvar::models
