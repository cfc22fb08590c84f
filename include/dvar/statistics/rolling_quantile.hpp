#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

/// Settings of `rolling_quantile`.
struct rolling_quantile_options {
  /// N: how many of the latest observations the quantile is of.
  std::size_t window = 310;
  /// q, from 0 (minimum) to 1 (maximum); 0.5 is the median.
  double level = 0.5;

  /// The options by their names.
  static constexpr auto fields() {
    using self = rolling_quantile_options;
    return std::tuple{field{&self::window, "window", at_least(1),
                            "N: how many of the latest observations the quantile is of"},
                      field{&self::level, "level", at_least(0.0).at_most(1.0),
                            "0 is the minimum, 0.5 the median, 1 the maximum"}};
  }
};

/// Keeps an exact quantile of the last N observations.
///
/// With the observations in order, \f$ x_{(0)} \le \dots \le x_{(N-1)} \f$, and \f$ h = q (N - 1) \f$,
/// \f[ Q = x_{(j)} + (h - j) (x_{(j+1)} - x_{(j)}), \quad j = \lfloor h \rfloor , \f]
/// the default ("linear") of `numpy.quantile`, bit for bit.
///
/// Two heaps hold the \f$ j + 1 \f$ smallest and the other observations, and know where in them each place of
/// the window is, so that a new observation replaces the oldest: \f$ O(\log N) \f$ an observation, at once and
/// not only on average, besides one sort when the first N have been made. The quantile is read in constant
/// time. The constructor allocates, 24 bytes an observation of the window; nothing else does.
///
/// Infinities are values like others; halfway between the two there is no quantile. While a NaN is among the
/// last N there is none either, as in NumPy; it leaves no trace when it has left.
class rolling_quantile {
 public:
  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit rolling_quantile(const rolling_quantile_options& options = {})
      : options_(checked("rolling_quantile", options)),
        rank_(options.level * static_cast<double>(options.window - 1)),
        lower_(static_cast<std::size_t>(rank_) + 1),
        values_(options.window),
        heap_(options.window),
        places_(options.window) {
    reset();
  }

  void observe(double value) noexcept {
    ++count_;
    // A NaN has no place in an order; any other value serves as long as no quantile is read.
    if (detail::is_nan(value)) {
      latest_nan_ = count_;
      value = std::numeric_limits<double>::max();
    }
    const std::size_t slot = next_;
    next_ = next_ + 1 == window() ? 0 : next_ + 1;
    values_[slot] = value;
    if (count_ > window())
      replace(places_[slot]);
    else if (count_ == window())
      build();
  }

  /// Returns N, the number of observations that the quantile is of.
  [[nodiscard]] std::size_t window() const noexcept { return values_.size(); }

  /// Returns whether `window()` observations have been made.
  [[nodiscard]] bool full() const noexcept { return count_ >= window(); }

  /// Returns the quantile, or no value until N observations have been made, while a NaN is among the last N,
  /// or between two opposite infinities.
  [[nodiscard]] std::optional<double> quantile() const noexcept {
    if (!full() || (latest_nan_ != 0 && latest_nan_ + window() > count_)) return std::nullopt;
    const double below = at(0);
    const double weight = rank_ - std::floor(rank_);
    if (weight == 0.0 || below == at(lower_)) return below;
    const double above = at(lower_);
    const double gap = above - below;
    // This is NumPy's form, which starts from the nearer end; the last form is for gaps beyond the range of double.
    const double between = !detail::is_finite(gap) ? below * (1.0 - weight) + above * weight
                           : weight < 0.5          ? below + gap * weight
                                                   : above - gap * (1.0 - weight);
    return detail::is_nan(between) ? std::nullopt : std::optional(between);
  }

  [[nodiscard]] const rolling_quantile_options& options() const noexcept { return options_; }

  /// Forgets everything: the object equals a new one. Allocates nothing.
  void reset() noexcept {
    std::fill(values_.begin(), values_.end(), 0.0);
    std::iota(heap_.begin(), heap_.end(), std::size_t{0});
    std::iota(places_.begin(), places_.end(), std::size_t{0});
    next_ = 0;
    count_ = latest_nan_ = 0;
  }

  /// Loading throws `state_error` when the saved quantile had other options.
  static void state(auto& self, auto& archive) {
    archive.section("rolling_quantile", 1);
    same_options(archive, "rolling_quantile", self.options_);
    archive(self.values_, self.heap_, self.next_, self.count_, self.latest_nan_);
    if constexpr (is_loading<decltype(archive)>) self.find_places();
  }

 private:
  /// Finds the slots' places after a state was read. Throws `state_error` when it is not one of this window.
  void find_places() {
    std::fill(places_.begin(), places_.end(), window());
    for (std::size_t place = 0; place < window(); ++place) {
      const std::size_t slot = heap_[place];
      if (slot >= window() || places_[slot] != window())
        detail::fail<state_error>("saved state: rolling_quantile's order is not one of its window");
      places_[slot] = place;
    }
    if (next_ >= window())
      detail::fail<state_error>("saved state: rolling_quantile's position is outside its window");
  }

  [[nodiscard]] double at(std::size_t place) const noexcept { return values_[heap_[place]]; }

  /// Returns whether the value at place a must not be under the one at b, both in the same heap: the lower
  /// heap has its largest value on top, the upper one its smallest.
  [[nodiscard]] bool before(std::size_t a, std::size_t b) const noexcept {
    return a < lower_ ? at(a) > at(b) : at(a) < at(b);
  }

  void exchange(std::size_t a, std::size_t b) noexcept {
    std::swap(heap_[a], heap_[b]);
    places_[heap_[a]] = a;
    places_[heap_[b]] = b;
  }

  /// Sorts the first N observations; both heaps are in order then.
  void build() noexcept {
    std::sort(heap_.begin(), heap_.end(),
              [this](std::size_t a, std::size_t b) { return values_[a] < values_[b]; });
    std::reverse(heap_.begin(), heap_.begin() + static_cast<std::ptrdiff_t>(lower_));
    for (std::size_t place = 0; place < window(); ++place)
      places_[heap_[place]] = place;
  }

  /// Puts the new value at `place` where it belongs.
  void replace(std::size_t place) noexcept {
    settle(place);
    if (lower_ < window() && at(0) > at(lower_)) {
      exchange(0, lower_);
      settle(0);
      settle(lower_);
    }
  }

  /// Moves the value at `place` up or down in its heap until the heap is in order.
  void settle(std::size_t place) noexcept {
    const std::size_t root = place < lower_ ? 0 : lower_;
    const std::size_t end = place < lower_ ? lower_ : window();
    while (place > root && before(place, root + (place - root - 1) / 2)) {
      const std::size_t parent = root + (place - root - 1) / 2;
      exchange(place, parent);
      place = parent;
    }
    for (;;) {
      std::size_t first = place;
      const std::size_t child = root + 2 * (place - root) + 1;
      for (std::size_t c = child; c < end && c < child + 2; ++c)
        first = before(c, first) ? c : first;
      if (first == place) return;
      exchange(place, first);
      place = first;
    }
  }

  rolling_quantile_options options_;
  double rank_;        // h
  std::size_t lower_;  // j + 1: how many places the lower heap has
  std::vector<double> values_;
  std::vector<std::size_t> heap_;    // slots of the window: the lower heap, then the upper one
  std::vector<std::size_t> places_;  // where in the heaps each slot is
  std::size_t next_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t latest_nan_ = 0;  // its number from 1; 0 for none
};

}  // namespace dvar::inline v0_2
