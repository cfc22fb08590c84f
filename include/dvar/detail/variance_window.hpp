#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/detail/segments.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/ddof.hpp>

namespace dvar::inline v0_2::detail {

/// Does what `rolling_variance` does, which says how it works, and gives a rule on the same observations all
/// that it may take from it.
template <class T>
  requires(std::same_as<T, float> || std::same_as<T, double>)
class variance_window {
 public:
  /// Names the type of a stored value.
  using value_type = T;

  /// Throws `std::invalid_argument` unless `window >= 2`.
  explicit variance_window(std::size_t window)
      : ring_(checked(window)), scale_(1.0 / static_cast<double>(window)), segments_(segment_count(window)) {}

  void observe(T value) noexcept {
    observe(value, [](const chunk&) {});
  }

  /// Observes `value`, and calls `closed(chunk)` with every segment that is full, when the next one is open.
  /// Whoever takes further statistics of the same observations gets them in chunks, and in `open_chunk()`
  /// those since the last: what is added up here need not be added up twice.
  template <std::invocable<const chunk&> F>
  void observe(T value, F&& closed) noexcept {
    const double entering = static_cast<double>(value) - pivot_;
    sums_.replace(static_cast<double>(ring_[position_]) - pivot_, entering);
    open_.add(entering);
    ring_[position_] = value;
    if (++position_ == segment_end_) {
      if (const chunk* const segment = close_segment()) closed(*segment);
    } else if (full_ && !sums_are_trusted()) {
      renew_sums();
    }
  }

  /// Returns how many observations the variance is taken over.
  [[nodiscard]] std::size_t window() const noexcept { return ring_.size(); }

  /// Returns whether `window()` observations have been made.
  [[nodiscard]] bool full() const noexcept { return full_; }

  /// Returns \f$ \sum (x_i - \bar x)^2 / (N - \mathrm{ddof}) \f$ over the last N observations, the population
  /// variance by default. There is no value until N observations have been made, while a NaN or an infinity
  /// is among the last N, when the result is beyond the range of double, or when `N <= ddof`. Takes constant
  /// time.
  [[nodiscard]] std::optional<double> variance(delta_degrees_of_freedom delta = population) const noexcept {
    const double variance = window_sums().squared_deviations(scale_) /
                            (static_cast<double>(window()) - static_cast<double>(delta.ddof));
    const bool defined = full_ && window() > delta.ddof && is_finite(variance);
    return defined ? std::optional(variance) : std::nullopt;
  }

  /// Returns the sums of the last N observations about the pivot of the open segment. They mean something
  /// once `full()`.
  [[nodiscard]] const moments& window_sums() const noexcept { return sums_; }

  /// Returns the observations since the last segment that was closed. Takes constant time.
  [[nodiscard]] chunk open_chunk() const noexcept {
    return {.length = static_cast<double>(position_ - segment_begin_), .pivot = pivot_, .about_pivot = open_};
  }

  /// Returns how many of the next observations fit in before the one that closes a segment, for inner loops.
  [[nodiscard]] std::size_t room() const noexcept { return segment_end_ - position_ - 1; }

  /// Points to the sums after each of some observations.
  struct preview_rows {
    /// Points to the window's sums of deviations; next are those of their squares.
    double* sums;
    double* squares;
    /// Points to the open chunk's sums of deviations; next are those of their squares.
    double* open_sums;
    double* open_squares;
  };

  /// Writes what the sums come to after each of `values`, as if these were observed and the sums always trusted.
  /// Precondition: `full()` and `values.size() <= room()`.
  void preview(std::span<const T> values, const preview_rows& rows) const noexcept {
    const T* const old = ring_.data() + position_;
    moments sums = sums_;
    moments open = open_;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double entering = static_cast<double>(values[i]) - pivot_;
      sums.replace(static_cast<double>(old[i]) - pivot_, entering);
      open.add(entering);
      rows.sums[i] = sums.sum;
      rows.squares[i] = sums.sum_of_squares;
      rows.open_sums[i] = open.sum;
      rows.open_squares[i] = open.sum_of_squares;
    }
  }

  /// Returns the largest that squares of values which are no longer in the window can have come to, apart
  /// from those of the open chunk: see `are_trusted`.
  [[nodiscard]] double renewed_squares() const noexcept { return renewed_squares_; }

  /// Observes `values`, for which `preview` wrote these sums at last.
  /// Precondition: all of them can be trusted.
  void observe_previewed(std::span<const T> values, const moments& sums, const moments& open) noexcept {
    std::copy(values.begin(), values.end(), ring_.begin() + static_cast<std::ptrdiff_t>(position_));
    position_ += values.size();
    sums_ = sums;
    open_ = open;
  }

  /// Forgets everything: the object equals a new one. Allocates nothing.
  void reset() noexcept {
    std::fill(ring_.begin(), ring_.end(), T{});
    std::fill(segments_.begin(), segments_.end(), chunk{});
    position_ = segment_ = segment_begin_ = 0;
    segment_end_ = 1;
    full_ = false;
    pivot_ = renewed_squares_ = 0.0;
    open_ = sums_ = {};
  }

  /// Loading throws `state_error` when another window or value type was saved.
  static void state(auto& self, auto& archive) {
    archive.section("rolling_variance", 3);
    archive.same(sizeof(T), "the size of rolling_variance's value type");
    archive(self.ring_, self.segments_, self.position_, self.segment_, self.full_, self.pivot_, self.open_,
            self.sums_, self.renewed_squares_);
    if constexpr (is_loading<decltype(archive)>) self.find_segment();
  }

 private:
  static std::size_t checked(std::size_t window) {
    if (window < 2) {
      fail<std::invalid_argument>("rolling_variance: window must be at least 2, not " +
                                  std::to_string(window));
    }
    return window;
  }

  [[nodiscard]] std::size_t segment_boundary(std::size_t index) const noexcept {
    return detail::segment_boundary(ring_.size(), segments_.size(), index);
  }

  /// Finds the boundaries of the open segment after a state was read. Throws `state_error` when there is none such.
  void find_segment() {
    segment_begin_ = segment_boundary(segment_);
    segment_end_ = position_ == 0 && !full_ ? 1 : segment_boundary(segment_ + 1);
    if (segment_ >= segments_.size() || position_ < segment_begin_ || position_ >= segment_end_)
      fail<state_error>("saved state: rolling_variance's position is outside its window");
  }

  [[nodiscard]] bool sums_are_trusted() const noexcept {
    return are_trusted(sums_.rounded_deviations(scale_), renewed_squares_ + open_.sum_of_squares);
  }

  /// Returns the segment that is full; nothing after the very first observation, which only gives a pivot.
  /// Kept out of `observe`, which is then short enough to be inlined.
  [[gnu::noinline]] const chunk* close_segment() noexcept {
    const moments about_pivot = std::exchange(open_, {});
    if (!full_ && position_ == 1 && segment_boundary(1) > 1) {
      pivot_ = static_cast<double>(ring_[0]);
      segment_end_ = segment_boundary(1);
      return nullptr;
    }
    chunk& closed = segments_[segment_];
    const auto length = static_cast<double>(segment_end_ - segment_begin_);
    const double deviations = about_pivot.rounded_deviations(1.0 / length);
    closed = are_trusted(deviations, about_pivot.sum_of_squares)
                 ? chunk{length, pivot_, about_pivot}
                 : summarize(&ring_[segment_begin_], 1, segment_end_ - segment_begin_);
    if (++segment_ == segments_.size()) {
      segment_ = position_ = 0;
      full_ = true;
    }
    segment_begin_ = position_;
    segment_end_ = segment_boundary(segment_ + 1);
    pivot_ = closed.pivot + closed.about_pivot.sum / closed.length;
    if (full_) renew_sums();
    return &closed;
  }

  /// Adds up the window anew: the full segments, the open chunk, and what is left of the segment that this
  /// overwrites. Kept out of `observe`, too.
  [[gnu::noinline]] void renew_sums() noexcept {
    const bool overwrites = position_ > segment_begin_;
    sums_ = open_;
    for (std::size_t s = 0; s < segments_.size(); ++s) {
      if (s != segment_ || !overwrites) {
        const chunk& closed = segments_[s];
        sums_ = sums_ + closed.about_pivot.shifted(closed.length, closed.pivot - pivot_);
      }
    }
    if (overwrites) {
      moments left;
      for (std::size_t i = position_; i < segment_end_; ++i)
        left.add(static_cast<double>(ring_[i]) - pivot_);
      sums_ = sums_ + left;
    }
    renewed_squares_ = sums_.sum_of_squares;
  }

  std::vector<T> ring_;
  double scale_;  // 1 / N
  std::vector<chunk> segments_;
  std::size_t position_ = 0;
  std::size_t segment_ = 0;
  std::size_t segment_begin_ = 0;
  std::size_t segment_end_ = 1;
  bool full_ = false;
  double pivot_ = 0.0;
  moments open_;                  // of the new values of the open segment
  moments sums_;                  // of the window
  double renewed_squares_ = 0.0;  // of the latter when they were last made anew
};

}  // namespace dvar::inline v0_2::detail
