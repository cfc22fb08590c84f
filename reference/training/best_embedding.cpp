#include "training/best_embedding.hpp"

#include <cmath>

namespace dvar::training {

void best_embedding::observe(std::int64_t step, double value, const at::Tensor& vectors) {
  if (!std::isfinite(value) || (value_ && !is_better(better_, value, *value_))) return;
  value_ = value;
  step_ = step;
  vectors_ = vectors.detach().clone();
}

void best_embedding::save(state_writer& out) const {
  out.section("best_embedding", 1);
  out.write_optional(value_);
  out.write_count(static_cast<std::uint64_t>(step_));
}

void best_embedding::load(state_reader& in, const at::Tensor& vectors) {
  in.section("best_embedding", 1);
  value_ = in.read_optional();
  step_ = static_cast<std::int64_t>(in.read_count());
  if (value_.has_value() != vectors.defined())
    throw state_error("saved state: the best embedding is missing");
  vectors_ = vectors;
}

}  // namespace dvar::training
