#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// Stops at a given step, whatever the observations are.
///
/// Alone, it counts observations. In a `convergence_monitor` it is told the training step, so that a probe
/// that runs every tenth step does not make the limit ten times longer.
class step_limit {
 public:
  /// Throws `std::invalid_argument` when `limit` is 0.
  explicit step_limit(std::size_t limit) : limit_(limit) {
    if (limit == 0) detail::fail<std::invalid_argument>("step_limit: the limit must be at least 1, not 0");
  }

  verdict observe(double value) noexcept { return observe(value, step_ + 1); }

  /// `step` counts from 1. The limit itself stops.
  verdict observe(double /*value*/, std::size_t step) noexcept {
    step_ = step;
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    return step_ >= limit_ ? verdict{.stop = true, .reason = "step_limit"} : verdict{};
  }

  [[nodiscard]] std::string reason() const {
    const std::string limit = std::to_string(limit_);
    return latest().stop ? "the limit of " + limit + " steps is reached"
                         : "step " + std::to_string(step_) + " of at most " + limit;
  }

  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

  void reset() noexcept { step_ = 0; }

  void save(state_writer& out) const {
    out.section("step_limit", 1);
    out.write_count(step_);
  }

  /// The limit is not part of the state: a run may continue with a longer one.
  void load(state_reader& in) {
    in.section("step_limit", 1);
    step_ = static_cast<std::size_t>(in.read_count());
  }

 private:
  std::size_t limit_;
  std::size_t step_ = 0;
};

static_assert(criterion<step_limit>);

}  // namespace dvar
