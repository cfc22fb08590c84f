#pragma once

#include <map>
#include <memory>
#include <string>

#include "torch.hpp"

namespace dvar::training {

/// Updates tensors in place from their gradients.
class optimiser {
 public:
  optimiser() = default;
  optimiser(const optimiser&) = default;
  optimiser(optimiser&&) = default;
  optimiser& operator=(const optimiser&) = default;
  optimiser& operator=(optimiser&&) = default;
  virtual ~optimiser() = default;

  /// One update; a parameter without a gradient is left alone.
  virtual void step() = 0;
  virtual void set_learning_rate(double rate) = 0;

  /// What `load_state` takes back bit for bit.
  virtual std::map<std::string, at::Tensor> state() const = 0;
  /// Throws `std::invalid_argument` naming a tensor that is missing or misshapen.
  virtual void load_state(const std::map<std::string, at::Tensor>& state) = 0;
};

enum class optimiser_kind : std::uint8_t { adamw, sgd };

struct optimiser_options {
  optimiser_kind kind = optimiser_kind::adamw;
  double learning_rate = 1e-3;
  double weight_decay = 1e-2;
  double beta_first = 0.9;     ///< of AdamW
  double beta_second = 0.999;  ///< of AdamW
  double epsilon = 1e-8;       ///< of AdamW
  double momentum = 0.9;       ///< of SGD
};

/// \throws std::invalid_argument for options out of range.
std::unique_ptr<optimiser> make_optimiser(std::map<std::string, at::Tensor> parameters,
                                          const optimiser_options& options);

}  // namespace dvar::training
