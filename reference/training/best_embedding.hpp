#pragma once

#include <optional>

#include <dvar/criteria/direction.hpp>
#include <dvar/state.hpp>

#include "torch.hpp"

namespace dvar::training {

/// The best of a run's embeddings by one measure: the earliest of equals. What is not finite is never the best.
class best_embedding {
 public:
  explicit best_embedding(direction better) : better_{better} {}

  /// `vectors` as they were when `value` was measured; copied if they are the best.
  void observe(std::int64_t step, double value, const at::Tensor& vectors);

  /// No value before a measurement that is finite.
  const std::optional<double>& value() const { return value_; }
  std::int64_t step() const { return step_; }
  const at::Tensor& vectors() const { return vectors_; }

  /// Value and step; the vectors are the caller's to keep, as a tensor.
  void save(state_writer& out) const;
  void load(state_reader& in, const at::Tensor& vectors);

 private:
  direction better_;
  std::optional<double> value_;
  std::int64_t step_ = 0;
  at::Tensor vectors_;
};

}  // namespace dvar::training
