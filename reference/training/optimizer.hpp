#pragma once

#include <map>
#include <string>

#include "torch.hpp"

namespace dvar::training {

/// Updates tensors in place from their gradients.
class optimizer {
 public:
  optimizer() = default;
  optimizer(const optimizer&) = default;
  optimizer(optimizer&&) = default;
  optimizer& operator=(const optimizer&) = default;
  optimizer& operator=(optimizer&&) = default;
  virtual ~optimizer() = default;

  /// Makes one update; a parameter without a gradient is left alone.
  virtual void step() = 0;
  virtual void set_learning_rate(double rate) = 0;

  /// Returns what `load_state` takes back bit for bit.
  virtual std::map<std::string, at::Tensor> state() const = 0;
  /// Takes a state back. Throws `std::invalid_argument` when a tensor is missing or misshapen, and names it.
  virtual void load_state(const std::map<std::string, at::Tensor>& state) = 0;
};

}  // namespace dvar::training
