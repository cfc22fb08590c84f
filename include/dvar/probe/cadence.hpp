#pragma once

#include <cstddef>
#include <stdexcept>

#include <dvar/detail/fail.hpp>

namespace dvar {

/// At which training steps the probe runs: every `every`-th, counted from 1.
class cadence {
 public:
  /// Every step.
  cadence() = default;

  /// Throws `std::invalid_argument` when `every` is 0.
  explicit cadence(std::size_t every) : every_(every) {
    if (every == 0) {
      detail::fail<std::invalid_argument>("cadence: the probe must run every 1 or more steps, not every 0");
    }
  }

  [[nodiscard]] bool due(std::size_t step) const noexcept { return step % every_ == 0; }

  [[nodiscard]] std::size_t every() const noexcept { return every_; }

 private:
  std::size_t every_ = 1;
};

}  // namespace dvar
