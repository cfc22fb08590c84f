#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/ddof.hpp>

namespace dvar {

/// Variance of the last `window` observations, in constant time an observation whatever the window.
///
/// The ring of the last N values is cut into about sqrt(N) / 2 segments. While one segment is being
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
  using value_type = T;

  /// Throws `std::invalid_argument` unless `window >= 2`.
  explicit rolling_variance(std::size_t window)
      : ring_(checked(window)), scale_(1.0 / static_cast<double>(window)) {
    const auto root = static_cast<std::size_t>(std::sqrt(static_cast<double>(window)));
    segments_.resize(std::max<std::size_t>(2, root / 2));
    rests_.resize(1 + (window + segments_.size() - 1) / segments_.size());
  }

  void observe(T value) noexcept {
    observe(value, [](const detail::chunk&) {});
  }

  /// The same, and calls `closed(chunk)` with every segment that is full. Whoever takes further statistics of
  /// the same observations gets them in chunks, and in `open_chunk()` those since the last: what is added up
  /// here need not be added up twice.
  template <std::invocable<const detail::chunk&> F>
  void observe(T value, F&& closed) noexcept {
    ring_[position_] = value;
    open_.add(static_cast<double>(value));
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
    const double variance =
        squared_deviations() / (static_cast<double>(window()) - static_cast<double>(delta.ddof));
    const bool defined = full_ && window() > delta.ddof && std::isfinite(variance);
    return defined ? std::optional(variance) : std::nullopt;
  }

  /// \f$ \sum (x_i - \bar x)^2 \f$ over the last N observations, for inner loops: not finite where
  /// `variance()` has no value. Precondition: `full()`.
  [[nodiscard]] double squared_deviations() const noexcept {
    return (rests_[segment_end_ - position_] + open_.about_pivot).squared_deviations(scale_);
  }

  /// The observations since the last segment that was closed. Constant time.
  [[nodiscard]] const detail::chunk& open_chunk() const noexcept { return open_; }

  /// Forgets everything: equal to a new object. Allocates nothing.
  void reset() noexcept {
    std::fill(ring_.begin(), ring_.end(), T{});
    std::fill(segments_.begin(), segments_.end(), detail::chunk{});
    std::fill(rests_.begin(), rests_.end(), detail::moments{});
    position_ = segment_ = 0;
    segment_end_ = 1;
    full_ = false;
    open_ = {};
  }

  void save(state_writer& out) const {
    out.section("rolling_variance", 1);
    out.write_count(sizeof(T));
    out.write_reals(ring_);
    for (const detail::chunk& segment : segments_) {
      segment.save(out);
    }
    for (const detail::moments& rest : rests_) {
      rest.save(out);
    }
    out.write_count(position_);
    out.write_count(segment_);
    out.write_flag(full_);
    open_.save(out);
  }

  /// Throws `state_error` when another window or value type was saved.
  void load(state_reader& in) {
    in.section("rolling_variance", 1);
    in.expect_count(sizeof(T), "the size of rolling_variance's value type");
    in.read_reals(ring_);
    for (detail::chunk& segment : segments_) {
      segment.load(in);
    }
    for (detail::moments& rest : rests_) {
      rest.load(in);
    }
    position_ = static_cast<std::size_t>(in.read_count());
    segment_ = static_cast<std::size_t>(in.read_count());
    full_ = in.read_flag();
    open_.load(in);
    segment_end_ = position_ == 0 && !full_ ? 1 : segment_boundary(segment_ + 1);
    if (segment_ >= segments_.size() || position_ < segment_boundary(segment_) || position_ >= segment_end_) {
      detail::fail<state_error>("saved state: rolling_variance's position is outside its window");
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

  /// Where segment `index` begins: the first `N mod segments` are one longer than the rest.
  [[nodiscard]] std::size_t segment_boundary(std::size_t index) const noexcept {
    const std::size_t count = segments_.size();
    return index * (ring_.size() / count) + std::min(index, ring_.size() % count);
  }

  /// Returns the segment that is full; nothing after the very first observation, which only gives a pivot.
  /// Kept out of `observe`, which is then short enough to be inlined.
  [[gnu::noinline]] const detail::chunk* close_segment() noexcept {
    if (!full_ && position_ == 1 && segment_boundary(1) > 1) {
      open_ = {.length = 1.0, .pivot = ring_[0], .about_pivot = {}};
      segment_end_ = segment_boundary(1);
      return nullptr;
    }
    detail::chunk& closed = segments_[segment_];
    closed = summarise(segment_boundary(segment_), segment_end_);
    if (++segment_ == segments_.size()) {
      segment_ = position_ = 0;
      full_ = true;
    }
    segment_end_ = segment_boundary(segment_ + 1);
    open_ = {
        .length = 0.0, .pivot = closed.pivot + closed.about_pivot.sum / closed.length, .about_pivot = {}};
    if (full_) {
      prepare_rests();
    }
    return &closed;
  }

  /// Adds up the ring's [begin, end), in four lanes that do not wait for each other. The pivot is a value of
  /// the segment itself, whatever stands elsewhere in the window: this sum is to be right when that has left.
  [[nodiscard]] detail::chunk summarise(std::size_t begin, std::size_t end) const noexcept {
    const double pivot = ring_[begin];
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
        rest = rest + closed.about_pivot.shifted(closed.length, closed.pivot - open_.pivot);
      }
    }
    for (std::size_t left = 1; left <= segment_end_ - position_; ++left) {
      rest.add(static_cast<double>(ring_[segment_end_ - left]) - open_.pivot);
      rests_[left] = rest;
    }
  }

  std::vector<T> ring_;
  double scale_;  // 1 / N
  std::vector<detail::chunk> segments_;
  // The window without the new values of the open segment, about its pivot, by how many it has left to take.
  std::vector<detail::moments> rests_;
  std::size_t position_ = 0;
  std::size_t segment_ = 0;
  std::size_t segment_end_ = 1;
  bool full_ = false;
  detail::chunk open_;  // the new values of the open segment
};

}  // namespace dvar
