#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/detail/segments.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/ddof.hpp>

namespace dvar {

/// Variance of the last `window` observations, in constant time an observation whatever the window.
///
/// The ring of the last N values is cut into about sqrt(N) / 5 segments. While one segment is being
/// overwritten, the window has three parts, each a pair of sums \f$ \sum (x_i - p),\; \sum (x_i - p)^2 \f$
/// about one pivot p:
/// - the other segments: sums about a pivot of their own, shifted to p once a segment;
/// - the values of this segment that are still to be overwritten: suffix sums, taken once a segment;
/// - the new values of this segment: running sums, two additions an observation.
///
/// \f[ \mathrm{var} = \frac{1}{N - \mathrm{ddof}} \Bigl( S_2 - \frac{S_1^2}{N} \Bigr), \quad
///     S_k \text{ the three parts added up.} \f]
///
/// Nothing is ever subtracted to take a value out of the window, so errors do not build up, and a NaN, an
/// infinity or a spike leaves no trace once it has left. The pivot is the mean of the segment that was filled
/// last: it lies inside the window, so the subtraction cancels little. A window of equal values gives exactly
/// 0. The relative error is around 1e-15 as a rule and below 1e-12 on every stream of the tests, 1e9 ± 1e-3
/// and 1e12 followed by 1e-6 among them.
///
/// The constructor allocates, nothing else does. `observe` takes constant time on average and O(sqrt(N)) at
/// worst. Values are stored as `T` (float halves the memory and loses nothing when the losses are float);
/// sums are double.
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
        segments_(detail::segment_count(window)) {
    const std::size_t longest = (window + segments_.size() - 1) / segments_.size();
    // A vector that is read whole may begin anywhere.
    rest_sums_.resize(longest + detail::whole_vectors(1));
    rest_squares_.resize(longest + detail::whole_vectors(1));
  }

  void observe(T value) noexcept {
    observe(value, [](const detail::chunk&) {});
  }

  /// The same, and calls `closed(chunk)` with every segment that is full, when the next one is open. Whoever
  /// takes further statistics of the same observations gets them in chunks, and in `open_chunk()` those since
  /// the last: what is added up here need not be added up twice.
  template <std::invocable<const detail::chunk&> F>
  void observe(T value, F&& closed) noexcept {
    ring_[position_] = value;
    open_[position_ % 2].add(static_cast<double>(value) - pivot_);
    if (++position_ == segment_end_) {
      if (const detail::chunk* const segment = close_segment()) {
        closed(*segment);
      }
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
  [[nodiscard]] detail::moments window_sums() const noexcept {
    const std::size_t offset = position_ - segment_begin_;
    return detail::moments{rest_sums_[offset], rest_squares_[offset]} + (open_[0] + open_[1]);
  }

  /// The observations since the last segment that was closed. Constant time.
  [[nodiscard]] detail::chunk open_chunk() const noexcept {
    return {.length = static_cast<double>(position_ - segment_begin_),
            .pivot = pivot_,
            .about_pivot = open_[0] + open_[1]};
  }

  /// For inner loops over many observations: how many of the next fit in before the one that closes a segment.
  [[nodiscard]] std::size_t room() const noexcept { return segment_end_ - position_ - 1; }

  /// What `window_sums()` adds to the open chunk after each of the next `room()` observations; readable up to
  /// the next whole vector.
  struct rest_view {
    /// Sums of deviations.
    const double* sums;
    /// Sums of their squares.
    const double* squares;
  };
  /// See `rest_view`.
  [[nodiscard]] rest_view rests() const noexcept {
    const std::size_t offset = position_ - segment_begin_ + 1;
    return {rest_sums_.data() + offset, rest_squares_.data() + offset};
  }

  /// Sums of the open chunk, those of even and of odd positions in the ring apart: two chains of additions that
  /// do not wait for each other.
  using open_sums = std::array<detail::moments, 2>;

  /// Writes the open chunk's sums after each of `values`, as if these were observed, and returns the last.
  /// Precondition: `values.size() <= room()`.
  open_sums preview(std::span<const T> values, double* sums, double* squares) const noexcept {
    open_sums open = open_;
    const auto add = [&](std::size_t i, detail::moments& lane) {
      lane.add(static_cast<double>(values[i]) - pivot_);
      const detail::moments both = open[0] + open[1];
      sums[i] = both.sum;
      squares[i] = both.sum_of_squares;
    };
    std::size_t i = 0;
    if (position_ % 2 == 1 && !values.empty()) {
      add(i++, open[1]);
    }
    for (; i + 2 <= values.size(); i += 2) {
      add(i, open[0]);
      add(i + 1, open[1]);
    }
    if (i < values.size()) {
      add(i, open[0]);
    }
    return open;
  }

  /// Observes `values`, for which `preview` returned `last`.
  void observe_previewed(std::span<const T> values, const open_sums& last) noexcept {
    std::copy(values.begin(), values.end(), ring_.begin() + static_cast<std::ptrdiff_t>(position_));
    position_ += values.size();
    open_ = last;
  }

  /// Forgets everything: equal to a new object. Allocates nothing.
  void reset() noexcept {
    std::fill(ring_.begin(), ring_.end(), T{});
    std::fill(segments_.begin(), segments_.end(), detail::chunk{});
    std::fill(rest_sums_.begin(), rest_sums_.end(), 0.0);
    std::fill(rest_squares_.begin(), rest_squares_.end(), 0.0);
    position_ = segment_ = segment_begin_ = 0;
    segment_end_ = 1;
    full_ = false;
    pivot_ = 0.0;
    open_ = {};
  }

  void save(state_writer& out) const {
    out.section("rolling_variance", 2);
    out.write_count(sizeof(T));
    out.write_reals(ring_);
    for (const detail::chunk& segment : segments_) {
      segment.save(out);
    }
    out.write_count(position_);
    out.write_count(segment_);
    out.write_flag(full_);
    out.write_real(pivot_);
    open_[0].save(out);
    open_[1].save(out);
  }

  /// Throws `state_error` when another window or value type was saved.
  void load(state_reader& in) {
    in.section("rolling_variance", 2);
    in.expect_count(sizeof(T), "the size of rolling_variance's value type");
    in.read_reals(ring_);
    for (detail::chunk& segment : segments_) {
      segment.load(in);
    }
    position_ = static_cast<std::size_t>(in.read_count());
    segment_ = static_cast<std::size_t>(in.read_count());
    full_ = in.read_flag();
    pivot_ = in.read_real();
    open_[0].load(in);
    open_[1].load(in);
    segment_begin_ = segment_boundary(segment_);
    segment_end_ = position_ == 0 && !full_ ? 1 : segment_boundary(segment_ + 1);
    if (segment_ >= segments_.size() || position_ < segment_begin_ || position_ >= segment_end_) {
      detail::fail<state_error>("saved state: rolling_variance's position is outside its window");
    }
    if (full_) {
      prepare_rests();
    }
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

  /// Returns the segment that is full; nothing after the very first observation, which only gives a pivot.
  /// Kept out of `observe`, which is then short enough to be inlined.
  [[gnu::noinline]] const detail::chunk* close_segment() noexcept {
    open_ = {};
    if (!full_ && position_ == 1 && segment_boundary(1) > 1) {
      pivot_ = static_cast<double>(ring_[0]);
      segment_end_ = segment_boundary(1);
      return nullptr;
    }
    detail::chunk& closed = segments_[segment_];
    closed = summarise(segment_begin_, segment_end_);
    if (++segment_ == segments_.size()) {
      segment_ = position_ = 0;
      full_ = true;
    }
    segment_begin_ = position_;
    segment_end_ = segment_boundary(segment_ + 1);
    pivot_ = closed.pivot + closed.about_pivot.sum / closed.length;
    if (full_) {
      prepare_rests();
    }
    return &closed;
  }

  /// Adds up the ring's [begin, end), in four lanes that do not wait for each other. The pivot is a value of
  /// the segment itself, whatever stands elsewhere in the window: this sum is to be right when that has left.
  [[nodiscard]] detail::chunk summarise(std::size_t begin, std::size_t end) const noexcept {
    const auto pivot = static_cast<double>(ring_[begin]);
    std::array<detail::moments, 4> lanes;
    std::size_t i = begin;
    for (; i + lanes.size() <= end; i += lanes.size()) {
      for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
        lanes[lane].add(static_cast<double>(ring_[i + lane]) - pivot);
      }
    }
    for (; i < end; ++i) {
      lanes[0].add(static_cast<double>(ring_[i]) - pivot);
    }
    return {.length = static_cast<double>(end - begin),
            .pivot = pivot,
            .about_pivot = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])};
  }

  /// Adds up what the window holds besides the new values of the open segment, for every number of them.
  void prepare_rests() noexcept {
    detail::moments rest;
    for (std::size_t s = 0; s < segments_.size(); ++s) {
      if (s != segment_) {
        const detail::chunk& closed = segments_[s];
        rest = rest + closed.about_pivot.shifted(closed.length, closed.pivot - pivot_);
      }
    }
    const T* const old = ring_.data() + segment_begin_;
    // Four at a time: what waits for the values behind it is one addition.
    for (std::size_t left = segment_end_ - segment_begin_; left > 0;) {
      detail::moments some;
      for (std::size_t rows = left >= 4 ? 4 : 1; rows > 0; --rows) {
        --left;
        some.add(static_cast<double>(old[left]) - pivot_);
        rest_sums_[left] = rest.sum + some.sum;
        rest_squares_[left] = rest.sum_of_squares + some.sum_of_squares;
      }
      rest = rest + some;
    }
  }

  std::vector<T> ring_;
  double scale_;  // 1 / N
  std::vector<detail::chunk> segments_;
  // The window without the new values of the open segment, about its pivot, by how many these are; and some
  // more, so that vectors may be read whole.
  std::vector<double> rest_sums_;
  std::vector<double> rest_squares_;
  std::size_t position_ = 0;
  std::size_t segment_ = 0;
  std::size_t segment_begin_ = 0;
  std::size_t segment_end_ = 1;
  bool full_ = false;
  double pivot_ = 0.0;
  std::array<detail::moments, 2> open_{};  // the new values of the open segment
};

}  // namespace dvar
