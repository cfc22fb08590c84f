#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

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
/// infinity or a spike leaves no trace once it has left. The pivot is the mean of the other segments, so it
/// is close to the window's mean by construction and the subtraction cancels next to nothing. A window of
/// equal values gives exactly 0. The relative error is of the order of 1e-15, on streams such as 1e9 ± 1e-3
/// and 1e12 followed by 1e-6 too.
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
  explicit rolling_variance(std::size_t window) : ring_(checked(window)) {
    const auto root = static_cast<std::size_t>(std::sqrt(static_cast<double>(window)));
    segments_.resize(std::max<std::size_t>(2, root / 2));
    parts_.resize((window + segments_.size() - 1) / segments_.size());
    segment_end_ = segment_boundary(1);
  }

  void observe(T value) noexcept {
    const double deviation = static_cast<double>(value) - pivot_;
    sum_ += deviation;
    sum_of_squares_ += deviation * deviation;
    ring_[position_] = value;
    if (++position_ == segment_end_) {
      close_segment();
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
    const part& other = parts_[position_ - segment_begin_];
    const double sum = other.sum + sum_;
    const double squares = other.sum_of_squares + sum_of_squares_;
    const auto n = static_cast<double>(ring_.size());
    const double deviations = std::max(squares - sum * sum / n, 0.0);
    const double variance = deviations / (n - static_cast<double>(delta.ddof));
    const bool defined = full_ && ring_.size() > delta.ddof && std::isfinite(variance);
    return defined ? std::optional(variance) : std::nullopt;
  }

  /// Forgets everything: equal to a new object. Allocates nothing.
  void reset() noexcept {
    std::fill(ring_.begin(), ring_.end(), T{});
    std::fill(segments_.begin(), segments_.end(), segment{});
    std::fill(parts_.begin(), parts_.end(), part{});
    position_ = segment_ = segment_begin_ = 0;
    segment_end_ = segment_boundary(1);
    full_ = false;
    pivot_ = sum_ = sum_of_squares_ = 0.0;
  }

  void save(state_writer& out) const {
    out.section("rolling_variance", 1);
    out.write_count(sizeof(T));
    out.write_reals(ring_);
    for (const segment& closed : segments_) {
      out.write_real(closed.pivot);
      out.write_real(closed.sum);
      out.write_real(closed.sum_of_squares);
    }
    for (const part& other : parts_) {
      out.write_real(other.sum);
      out.write_real(other.sum_of_squares);
    }
    out.write_count(position_);
    out.write_count(segment_);
    out.write_flag(full_);
    out.write_real(pivot_);
    out.write_real(sum_);
    out.write_real(sum_of_squares_);
  }

  /// Throws `state_error` when another window or value type was saved.
  void load(state_reader& in) {
    in.section("rolling_variance", 1);
    in.expect_count(sizeof(T), "the size of rolling_variance's value type");
    in.read_reals(ring_);
    for (segment& closed : segments_) {
      closed.pivot = in.read_real();
      closed.sum = in.read_real();
      closed.sum_of_squares = in.read_real();
    }
    for (part& other : parts_) {
      other.sum = in.read_real();
      other.sum_of_squares = in.read_real();
    }
    position_ = static_cast<std::size_t>(in.read_count());
    segment_ = static_cast<std::size_t>(in.read_count());
    full_ = in.read_flag();
    pivot_ = in.read_real();
    sum_ = in.read_real();
    sum_of_squares_ = in.read_real();
    segment_begin_ = segment_boundary(segment_);
    segment_end_ = segment_boundary(segment_ + 1);
    if (segment_ >= segments_.size() || position_ < segment_begin_ || position_ >= segment_end_) {
      throw state_error("saved state: rolling_variance's position is outside its window");
    }
  }

 private:
  /// A full segment: sums of deviations from its own pivot.
  struct segment {
    double pivot = 0.0;
    double sum = 0.0;
    double sum_of_squares = 0.0;
  };

  /// The window without the new values of the current segment: sums of deviations from `pivot_`.
  struct part {
    double sum = 0.0;
    double sum_of_squares = 0.0;
  };

  static std::size_t checked(std::size_t window) {
    if (window < 2) {
      throw std::invalid_argument("rolling_variance: window must be at least 2, not " +
                                  std::to_string(window));
    }
    return window;
  }

  /// Where segment `index` begins: the first `N mod segments` are one longer than the rest.
  [[nodiscard]] std::size_t segment_boundary(std::size_t index) const noexcept {
    const std::size_t count = segments_.size();
    return index * (ring_.size() / count) + std::min(index, ring_.size() % count);
  }

  void close_segment() noexcept {
    segments_[segment_] = summarise(segment_begin_, segment_end_);
    if (++segment_ == segments_.size()) {
      segment_ = position_ = 0;
      full_ = true;
    }
    segment_begin_ = position_;
    segment_end_ = segment_boundary(segment_ + 1);
    sum_ = sum_of_squares_ = 0.0;
    if (full_) {
      prepare_parts();
    }
  }

  /// Two passes over the ring's [begin, end): the rounded mean as the pivot, then the sums about it. Any
  /// double is an exact pivot, and equal values are their own mean exactly.
  [[nodiscard]] segment summarise(std::size_t begin, std::size_t end) const noexcept {
    const double first = ring_[begin];
    double sum = 0.0;
    for (std::size_t i = begin; i < end; ++i) {
      sum += static_cast<double>(ring_[i]) - first;
    }
    segment closed{.pivot = first + sum / static_cast<double>(end - begin)};
    for (std::size_t i = begin; i < end; ++i) {
      const double deviation = static_cast<double>(ring_[i]) - closed.pivot;
      closed.sum += deviation;
      closed.sum_of_squares += deviation * deviation;
    }
    return closed;
  }

  /// Takes the mean of the other segments as the new pivot, and sums up what the window holds besides new
  /// values.
  void prepare_parts() noexcept {
    const double reference = segments_[segment_ == 0 ? 1 : 0].pivot;
    double sum = 0.0;
    for (std::size_t s = 0; s < segments_.size(); ++s) {
      if (s != segment_) {
        sum += segments_[s].sum + length(s) * (segments_[s].pivot - reference);
      }
    }
    const auto own_length = static_cast<double>(segment_end_ - segment_begin_);
    pivot_ = reference + sum / (static_cast<double>(ring_.size()) - own_length);

    part other;
    for (std::size_t s = 0; s < segments_.size(); ++s) {
      if (s != segment_) {
        const double shift = segments_[s].pivot - pivot_;
        other.sum += segments_[s].sum + length(s) * shift;
        other.sum_of_squares +=
            segments_[s].sum_of_squares + shift * (2.0 * segments_[s].sum + length(s) * shift);
      }
    }
    for (std::size_t i = segment_end_; i-- > segment_begin_;) {
      const double deviation = static_cast<double>(ring_[i]) - pivot_;
      other.sum += deviation;
      other.sum_of_squares += deviation * deviation;
      parts_[i - segment_begin_] = other;
    }
  }

  [[nodiscard]] double length(std::size_t index) const noexcept {
    const bool longer = index < ring_.size() % segments_.size();
    return static_cast<double>(ring_.size() / segments_.size() + (longer ? 1 : 0));
  }

  std::vector<T> ring_;
  std::vector<segment> segments_;
  std::vector<part> parts_;  // by how many values of the current segment are new
  std::size_t position_ = 0;
  std::size_t segment_ = 0;
  std::size_t segment_begin_ = 0;
  std::size_t segment_end_ = 0;
  bool full_ = false;

  double pivot_ = 0.0;  // the new values of the current segment: sums of deviations from it
  double sum_ = 0.0;
  double sum_of_squares_ = 0.0;
};

}  // namespace dvar
