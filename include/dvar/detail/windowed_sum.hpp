#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/state.hpp>

namespace dvar::detail {

/// The sum of the last `window` values, added up anew once a window: nothing is subtracted to take a value
/// out, so errors do not build up, and what is not finite leaves no trace once it has left.
///
/// \f[ S = \textrm{(suffix sum of the old values that are still in)} + \textrm{(sum of the new ones)} \f]
class windowed_sum {
 public:
  /// Precondition: `window >= 1`.
  explicit windowed_sum(std::size_t window) : ring_(window), rests_(window) {}

  /// Constant time on average, O(window) once a window.
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

  void save(state_writer& out) const {
    out.section("windowed_sum", 1);
    out.write_reals(ring_);
    out.write_count(position_);
    out.write_real(fresh_);
    out.write_flag(full_);
  }

  /// Throws `state_error` when another window was saved.
  void load(state_reader& in) {
    in.section("windowed_sum", 1);
    in.read_reals(ring_);
    position_ = static_cast<std::size_t>(in.read_count());
    fresh_ = in.read_real();
    full_ = in.read_flag();
    if (position_ >= ring_.size())
      detail::fail<state_error>("saved state: windowed_sum's position is outside its window");
    prepare_rests();
  }

 private:
  /// Those from `position_` on are what the same values gave when the window was last complete.
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

}  // namespace dvar::detail
