#pragma once

#include <dvar/detail/moments.hpp>
#include <dvar/state.hpp>

namespace dvar::detail {

/// Number, mean and squared deviations of all the chunks that were added, in constant memory.
///
/// Chunks are folded in by the pairwise update of Chan, Golub and LeVeque (1983),
/// \f[ M = M_a + M_b + \delta^2 \frac{n_a n_b}{n_a + n_b}, \quad \delta = \bar x_b - \bar x_a . \f]
/// The mean is kept as an offset from the first pivot, so that a large common offset costs no digits. There is
/// no \f$ E[x^2] - E[x]^2 \f$ anywhere.
///
/// Results take one more chunk into account, which is still being filled and may be empty.
class pooled_moments {
 public:
  void add(const chunk& closed) noexcept {
    if (closed.length > 0.0) {
      const double scale = 1.0 / closed.length;
      fold(closed.length, closed.pivot, closed.about_pivot.sum, scale,
           closed.about_pivot.squared_deviations(scale));
    }
  }

  void add(const pooled_moments& other) noexcept {
    if (other.count_ > 0.0) {
      fold(other.count_, other.origin_, other.offset_, 1.0, other.squared_deviations_);
    }
  }

  /// How many observations. Exact up to 2^53.
  [[nodiscard]] double count(const chunk& open) const noexcept { return count_ + open.length; }

  [[nodiscard]] double mean(const chunk& open) const noexcept {
    const double origin = count_ > 0.0 ? origin_ : open.pivot;
    return origin + (offset_ + about_mean(open).sum / count(open));
  }

  /// How far `pivot` lies above the mean of the chunks that were added; 0 when there are none.
  [[nodiscard]] double distance(double pivot) const noexcept {
    return count_ > 0.0 ? (pivot - origin_) - offset_ : 0.0;
  }

  /// The sum of squared deviations of the chunks that were added from their mean.
  [[nodiscard]] double squared_deviations() const noexcept { return squared_deviations_; }

  /// Sums of all observations about the mean of the chunks that were added.
  [[nodiscard]] moments about_mean(const chunk& open) const noexcept {
    moments all = open.about_pivot.shifted(open.length, distance(open.pivot));
    all.sum_of_squares += squared_deviations_;
    return all;
  }

  void save(state_writer& out) const {
    for (const double value : {count_, origin_, offset_, squared_deviations_}) {
      out.write_real(value);
    }
  }

  void load(state_reader& in) {
    count_ = in.read_real_count();
    for (double* value : {&origin_, &offset_, &squared_deviations_}) {
      *value = in.read_real();
    }
  }

 private:
  /// Takes in `count` observations, whose mean is `pivot + sum * scale`.
  void fold(double count, double pivot, double sum, double scale, double squared_deviations) noexcept {
    if (count_ == 0.0) {
      origin_ = pivot;
      offset_ = sum * scale;
    }
    const double share = count / (count_ + count);
    const double delta = multiply_add(sum, scale, pivot - origin_) - offset_;
    squared_deviations_ += multiply_add(delta * delta * count_, share, squared_deviations);
    offset_ = multiply_add(delta, share, offset_);
    count_ += count;
  }

  double count_ = 0.0;
  double origin_ = 0.0;  // the first pivot
  double offset_ = 0.0;  // the mean less that
  double squared_deviations_ = 0.0;
};

}  // namespace dvar::detail
