#pragma once

#include <dvar/detail/moments.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2::detail {

/// Keeps the number, mean and squared deviations of all the chunks that were added, in constant memory.
///
/// Chunks are folded in by the pairwise update of Chan, Golub and LeVeque (1983),
/// \f[ M = M_a + M_b + \delta^2 \frac{n_a n_b}{n_a + n_b}, \quad \delta = \bar x_b - \bar x_a . \f]
/// The mean is kept as an offset from the first pivot, so that a large common offset costs no digits. There is
/// no \f$ E[x^2] - E[x]^2 \f$ anywhere.
///
/// Results take one more chunk into account, which is still being filled and may be empty.
template <class Number>
class basic_pooled_moments {
 public:
  using chunk = basic_chunk<Number>;

  /// Holds what is kept of all the chunks, besides their number of observations.
  struct sums {
    Number origin = 0.0;  ///< is the first pivot
    Number offset = 0.0;  ///< is the mean less that
    Number squared_deviations = 0.0;
  };

  basic_pooled_moments() = default;

  /// Continues from what was kept of `count` observations.
  basic_pooled_moments(double count, const sums& kept) noexcept : count_(count), kept_(kept) {}

  [[nodiscard]] const sums& kept() const noexcept { return kept_; }

  void add(const chunk& closed) noexcept {
    if (closed.length > 0.0) {
      const double scale = 1.0 / closed.length;
      fold(closed.length, closed.pivot, closed.about_pivot.sum, scale,
           closed.about_pivot.squared_deviations(scale));
    }
  }

  void add(const basic_pooled_moments& other) noexcept {
    if (other.count_ > 0.0)
      fold(other.count_, other.kept_.origin, other.kept_.offset, 1.0, other.kept_.squared_deviations);
  }

  /// Returns the number of observations, exactly up to 2^53.
  [[nodiscard]] double count(const chunk& open) const noexcept { return count_ + open.length; }

  [[nodiscard]] Number mean(const chunk& open) const noexcept {
    const Number origin = count_ > 0.0 ? kept_.origin : open.pivot;
    return origin + (kept_.offset + about_mean(open).sum / count(open));
  }

  /// Returns how far `pivot` lies above the mean of the chunks that were added; 0 when there are none.
  [[nodiscard]] Number distance(Number pivot) const noexcept {
    return count_ > 0.0 ? (pivot - kept_.origin) - kept_.offset : Number(0.0);
  }

  /// Returns the sum of squared deviations of the chunks that were added from their mean.
  [[nodiscard]] Number squared_deviations() const noexcept { return kept_.squared_deviations; }

  /// Returns the sums of all observations about the mean of the chunks that were added.
  [[nodiscard]] basic_moments<Number> about_mean(const chunk& open) const noexcept {
    basic_moments<Number> all = open.about_pivot.shifted(open.length, distance(open.pivot));
    all.sum_of_squares += kept_.squared_deviations;
    return all;
  }

  static void state(auto& self, auto& archive) {
    archive.whole(self.count_);
    archive(self.kept_.origin, self.kept_.offset, self.kept_.squared_deviations);
  }

 private:
  /// Takes in `count` observations, whose mean is `pivot + sum * scale`.
  void fold(double count, Number pivot, Number sum, double scale, Number squared_deviations) noexcept {
    if (count_ == 0.0) {
      kept_.origin = pivot;
      kept_.offset = sum * scale;
    }
    const double share = count / (count_ + count);
    const Number delta = multiply_add(sum, scale, pivot - kept_.origin) - kept_.offset;
    kept_.squared_deviations += multiply_add(delta * delta * count_, share, squared_deviations);
    kept_.offset = multiply_add(delta, share, kept_.offset);
    count_ += count;
  }

  double count_ = 0.0;
  sums kept_;
};

using pooled_moments = basic_pooled_moments<double>;

}  // namespace dvar::inline v0_2::detail
