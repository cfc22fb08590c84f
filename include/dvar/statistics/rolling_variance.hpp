#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/detail/segments.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/ddof.hpp>

namespace dvar {

/// Variance of the last `window` observations, in constant time an observation whatever the window.
///
/// It is taken from sums \f$ S_k = \sum (x_i - p)^k \f$ over the window about a pivot p,
///
/// \f[ \mathrm{var} = \frac{1}{N - \mathrm{ddof}} \Bigl( S_2 - \frac{S_1^2}{N} \Bigr), \f]
///
/// in which every new value takes the place of the one that leaves. Alone, such sums go wrong: what a large value
/// was rounded away from stays lost when it has left, and a NaN never leaves. Here they are never kept for long:
/// - The ring of the last N values is cut into about sqrt(N) / 5 segments, and each that is full is summed up by
///   itself. Whenever one is, the window's sums are made anew from these, about a new pivot: the mean of the
///   segment, so it lies inside the window and the subtraction cancels little.
/// - Between, they are trusted as long as no more than four binary digits can have cancelled, which the squares
///   that went in tell. Otherwise, as when a spike or a NaN leaves, they are made anew at once, from the
///   segments and the part of one that is being overwritten.
///
/// So errors do not build up, and a NaN, an infinity or a spike leaves no trace once it has left. A window of
/// equal values gives exactly 0. The relative error is around 1e-15 as a rule and below 1e-12 on every stream of
/// the tests, 1e9 ± 1e-3 and 1e12 followed by 1e-6 among them.
///
/// The constructor allocates, nothing else does. `observe` takes constant time on average and O(sqrt(N)) at
/// worst; while a NaN or an infinity is in the window, always. Values are stored as `T` (float halves the memory
/// and loses nothing when the losses are float); sums are double.
template <class T = double>
  requires(std::same_as<T, float> || std::same_as<T, double>)
class rolling_variance {
 public:
  /// The type of a stored value.
  using value_type = T;

  /// Throws `std::invalid_argument` unless `window >= 2`.
  explicit rolling_variance(std::size_t window)
      : ring_(checked(window)),
        scale_(1.0 / static_cast<double>(window)),
        segments_(detail::segment_count(window)) {}

  void observe(T value) noexcept {
    observe(value, [](const detail::chunk&) {});
  }

  /// The same, and calls `closed(chunk)` with every segment that is full, when the next one is open. Whoever
  /// takes further statistics of the same observations gets them in chunks, and in `open_chunk()` those since
  /// the last: what is added up here need not be added up twice.
  template <std::invocable<const detail::chunk&> F>
  void observe(T value, F&& closed) noexcept {
    const double entering = static_cast<double>(value) - pivot_;
    sums_.replace(static_cast<double>(ring_[position_]) - pivot_, entering);
    open_.add(entering);
    ring_[position_] = value;
    if (++position_ == segment_end_) {
      if (const detail::chunk* const segment = close_segment()) closed(*segment);
    } else if (full_ && !sums_are_trusted()) {
      renew_sums();
    }
  }

  /// How many observations the variance is taken over.
  [[nodiscard]] std::size_t window() const noexcept { return ring_.size(); }

  /// Whether `window()` observations have been made.
  [[nodiscard]] bool full() const noexcept { return full_; }

  /// \f$ \sum (x_i - \bar x)^2 / (N - \mathrm{ddof}) \f$ over the last N observations, the population
  /// variance by default. No value until N observations have been made, while a NaN or an infinity is among
  /// the last N, when the result is beyond the range of double, or when `N <= ddof`. Constant time.
  [[nodiscard]] std::optional<double> variance(delta_degrees_of_freedom delta = population) const noexcept {
    const double variance = window_sums().squared_deviations(scale_) /
                            (static_cast<double>(window()) - static_cast<double>(delta.ddof));
    const bool defined = full_ && window() > delta.ddof && std::isfinite(variance);
    return defined ? std::optional(variance) : std::nullopt;
  }

  /// Sums of the last N observations about the pivot of the open segment. Meaningful once `full()`.
  [[nodiscard]] const detail::moments& window_sums() const noexcept { return sums_; }

  /// The observations since the last segment that was closed. Constant time.
  [[nodiscard]] detail::chunk open_chunk() const noexcept {
    return {.length = static_cast<double>(position_ - segment_begin_), .pivot = pivot_, .about_pivot = open_};
  }

  /// For inner loops over many observations: how many of the next fit in before the one that closes a segment.
  [[nodiscard]] std::size_t room() const noexcept { return segment_end_ - position_ - 1; }

  /// The sums after each of some observations.
  struct preview_rows {
    /// Of the window: sums of deviations, and of their squares.
    double* sums;
    double* squares;
    /// Of the open chunk.
    double* open_sums;
    double* open_squares;
  };

  /// Writes what the sums come to after each of `values`, as if these were observed and the sums always trusted.
  /// Precondition: `full()` and `values.size() <= room()`.
  void preview(std::span<const T> values, const preview_rows& rows) const noexcept {
    const T* const old = ring_.data() + position_;
    detail::moments sums = sums_;
    detail::moments open = open_;
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

  /// The largest that squares of values which are no longer in the window can have come to, apart from those of
  /// the open chunk: see `detail::are_trusted`.
  [[nodiscard]] double renewed_squares() const noexcept { return renewed_squares_; }

  /// Observes `values`, for which `preview` wrote these sums at last.
  /// Precondition: all of them can be trusted.
  void observe_previewed(std::span<const T> values, const detail::moments& sums,
                         const detail::moments& open) noexcept {
    std::copy(values.begin(), values.end(), ring_.begin() + static_cast<std::ptrdiff_t>(position_));
    position_ += values.size();
    sums_ = sums;
    open_ = open;
  }

  /// Forgets everything: equal to a new object. Allocates nothing.
  void reset() noexcept {
    std::fill(ring_.begin(), ring_.end(), T{});
    std::fill(segments_.begin(), segments_.end(), detail::chunk{});
    position_ = segment_ = segment_begin_ = 0;
    segment_end_ = 1;
    full_ = false;
    pivot_ = renewed_squares_ = 0.0;
    open_ = sums_ = {};
  }

  void save(state_writer& out) const {
    out.section("rolling_variance", 3);
    out.write_count(sizeof(T));
    out.write_reals(ring_);
    for (const detail::chunk& segment : segments_)
      segment.save(out);
    out.write_count(position_);
    out.write_count(segment_);
    out.write_flag(full_);
    out.write_real(pivot_);
    open_.save(out);
    sums_.save(out);
    out.write_real(renewed_squares_);
  }

  /// Throws `state_error` when another window or value type was saved.
  void load(state_reader& in) {
    in.section("rolling_variance", 3);
    in.expect_count(sizeof(T), "the size of rolling_variance's value type");
    in.read_reals(ring_);
    for (detail::chunk& segment : segments_)
      segment.load(in);
    position_ = static_cast<std::size_t>(in.read_count());
    segment_ = static_cast<std::size_t>(in.read_count());
    full_ = in.read_flag();
    pivot_ = in.read_real();
    open_.load(in);
    sums_.load(in);
    renewed_squares_ = in.read_real();
    segment_begin_ = segment_boundary(segment_);
    segment_end_ = position_ == 0 && !full_ ? 1 : segment_boundary(segment_ + 1);
    if (segment_ >= segments_.size() || position_ < segment_begin_ || position_ >= segment_end_)
      detail::fail<state_error>("saved state: rolling_variance's position is outside its window");
  }

 private:
  static std::size_t checked(std::size_t window) {
    if (window < 2) {
      detail::fail<std::invalid_argument>("rolling_variance: window must be at least 2, not " +
                                          std::to_string(window));
    }
    return window;
  }

  [[nodiscard]] std::size_t segment_boundary(std::size_t index) const noexcept {
    return detail::segment_boundary(ring_.size(), segments_.size(), index);
  }

  [[nodiscard]] bool sums_are_trusted() const noexcept {
    return detail::are_trusted(sums_.rounded_deviations(scale_), renewed_squares_ + open_.sum_of_squares);
  }

  /// Returns the segment that is full; nothing after the very first observation, which only gives a pivot.
  /// Kept out of `observe`, which is then short enough to be inlined.
  [[gnu::noinline]] const detail::chunk* close_segment() noexcept {
    const detail::moments about_pivot = std::exchange(open_, {});
    if (!full_ && position_ == 1 && segment_boundary(1) > 1) {
      pivot_ = static_cast<double>(ring_[0]);
      segment_end_ = segment_boundary(1);
      return nullptr;
    }
    detail::chunk& closed = segments_[segment_];
    const auto length = static_cast<double>(segment_end_ - segment_begin_);
    const double deviations = about_pivot.rounded_deviations(1.0 / length);
    closed = detail::are_trusted(deviations, about_pivot.sum_of_squares)
                 ? detail::chunk{length, pivot_, about_pivot}
                 : detail::summarise(&ring_[segment_begin_], 1, segment_end_ - segment_begin_);
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
        const detail::chunk& closed = segments_[s];
        sums_ = sums_ + closed.about_pivot.shifted(closed.length, closed.pivot - pivot_);
      }
    }
    if (overwrites) {
      detail::moments left;
      for (std::size_t i = position_; i < segment_end_; ++i)
        left.add(static_cast<double>(ring_[i]) - pivot_);
      sums_ = sums_ + left;
    }
    renewed_squares_ = sums_.sum_of_squares;
  }

  std::vector<T> ring_;
  double scale_;  // 1 / N
  std::vector<detail::chunk> segments_;
  std::size_t position_ = 0;
  std::size_t segment_ = 0;
  std::size_t segment_begin_ = 0;
  std::size_t segment_end_ = 1;
  bool full_ = false;
  double pivot_ = 0.0;
  detail::moments open_;          // of the new values of the open segment
  detail::moments sums_;          // of the window
  double renewed_squares_ = 0.0;  // of the latter when they were last made anew
};

}  // namespace dvar
