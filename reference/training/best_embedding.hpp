#pragma once

#include <cstdint>
#include <optional>

#include <dvar/state.hpp>
#include <dvar/statistics/best_value.hpp>
#include <dvar/statistics/direction.hpp>

#include "torch.hpp"

namespace dvar::training {

/// What a run had learned at its best value by one measure: the earliest of equals. What is not finite is never the best.
class best_embedding {
 public:
  explicit best_embedding(direction better) : best_{better} {}

  /// `parameters` as they were when `value` was measured; copied if they are the best.
  void observe(std::int64_t step, double value, const at::Tensor& parameters);

  /// No value before a measurement that is finite.
  std::optional<double> value() const { return best_.value(); }
  /// The step at which it was measured; 0 before.
  std::int64_t step() const { return step_; }
  /// All numbers of that step, as `parameter_set::values` has them; undefined before.
  const at::Tensor& parameters() const { return parameters_; }

  /// Gives back the parameters after a state was loaded. Throws `dvar::state_error` when there are some without a value, or
  /// a value without them.
  void restore(const at::Tensor& parameters);

  /// Value and step; the parameters are the caller's to keep, as a tensor.
  static void state(auto& self, auto& archive) {
    archive.section("best_embedding", 2);
    archive(self.best_, self.step_);
  }

 private:
  best_value best_;
  std::int64_t step_ = 0;
  at::Tensor parameters_;
};

}  // namespace dvar::training
