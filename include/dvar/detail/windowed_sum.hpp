#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2::detail {

/// Keeps the sum of the last `window` values, added up anew once a window: nothing is subtracted to take a
/// value out, so errors do not build up, and what is not finite leaves no trace once it has left.
///
/// \f[ S = \textrm{(suffix sum of the old values that are still in)} + \textrm{(sum of the new ones)} \f]
class windowed_sum {
 public:
  /// Precondition: `window >= 1`.
  explicit windowed_sum(std::size_t window) : ring_(window), rests_(window) {}

  /// Takes constant time on average, O(window) once a window.
  void add(double value) noexcept {
    ring_[position_] = value;
    fresh_ += value;
    if (++position_ == ring_.size()) {
      full_ = true;
      position_ = 0;
      fresh_ = 0.0;
      prepare_rests();
    }
  }

  [[nodiscard]] bool full() const noexcept { return full_; }

  /// Precondition: `full()`.
  [[nodiscard]] double sum() const noexcept { return rests_[position_] + fresh_; }

  void reset() noexcept {
    std::fill(ring_.begin(), ring_.end(), 0.0);
    std::fill(rests_.begin(), rests_.end(), 0.0);
    position_ = 0;
    fresh_ = 0.0;
    full_ = false;
  }

  /// Loading throws `state_error` when another window was saved.
  static void state(auto& self, auto& archive) {
    archive.section("windowed_sum", 1);
    archive(self.ring_, self.position_, self.fresh_, self.full_);
    if constexpr (is_loading<decltype(archive)>) {
      if (self.position_ >= self.ring_.size())
        fail<state_error>("saved state: windowed_sum's position is outside its window");
      self.prepare_rests();
    }
  }

 private:
  /// Adds up the sums from each position to the end; those from `position_` on are what the same values gave
  /// when the window was last complete.
  void prepare_rests() noexcept {
    double rest = 0.0;
    for (std::size_t i = ring_.size(); i > position_; --i) {
      rest += ring_[i - 1];
      rests_[i - 1] = rest;
    }
  }

  std::vector<double> ring_;
  std::vector<double> rests_;  // rests_[i]: the sum of the values from i to the end, as of the last full turn
  std::size_t position_ = 0;
  double fresh_ = 0.0;  // sum of the values before `position_`
  bool full_ = false;
};

}  // namespace dvar::inline v0_2::detail
