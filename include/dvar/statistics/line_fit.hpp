#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include <dvar/detail/finite.hpp>
#include <dvar/detail/student_t.hpp>

namespace dvar::inline v0_2 {

/// Says which slopes are evidence against "there is no trend".
enum class trend_test : std::uint8_t {
  /// Any slope is evidence, rising or falling.
  two_sided,
  falling,
  rising,
};

/// Describes the least-squares line through observations at indices 1, 2, …, n: its slope, and how sure
/// that is.
///
/// \f[ m = \frac{S_{xy}}{S_{xx}}, \quad
///     s_m = \sqrt{\frac{S_{yy} - S_{xy}^2 / S_{xx}}{(n - 2) \, S_{xx}}}, \quad
///     S_{xx} = \frac{n^3 - n}{12} \f]
/// with \f$ S_{yy}, S_{xy} \f$ the sums of squares and products about the means. The assumption behind the
/// error and the p-value is independent noise of one size around a line; correlated noise makes both too small.
struct line_fit {
  /// n, at least 3.
  double count = 0.0;
  /// m: the change of the observation from one index to the next.
  double slope = 0.0;
  /// \f$ s_m \f$, the standard error of the slope. The residuals of an exact line are rounding errors, about
  /// 1e-8 of the spread, not always 0.
  double standard_error = 0.0;

  /// Returns the line through n observations with these \f$ S_{yy} \f$ and \f$ S_{xy} \f$, or none for fewer
  /// than 3 observations or when a sum is not finite.
  static std::optional<line_fit> of(double count, double sum_of_squares, double sum_of_products) noexcept {
    const double squared_indices = count * (count * count - 1.0) / 12.0;
    const double slope = sum_of_products / squared_indices;
    const double residual = sum_of_squares - sum_of_products * slope;
    if (!(count >= 3.0) || !detail::is_finite(residual) || !detail::is_finite(slope)) return std::nullopt;
    const double variance = (residual > 0.0 ? residual : 0.0) / (count - 2.0);
    return line_fit{.count = count, .slope = slope, .standard_error = std::sqrt(variance / squared_indices)};
  }

  /// Returns the probability of a slope at least this far from 0 (or this far below, or above) if there is no
  /// trend: Student's t with n - 2 degrees of freedom, as in `scipy.stats.linregress`. Equal observations are
  /// no evidence of a trend: they give 1 for `two_sided` and 1/2 for the others, the limits as the slope goes
  /// to 0. The relative error is below 1e-12 for slopes of up to 10 standard errors. Takes constant time.
  [[nodiscard]] double p_value(trend_test against = trend_test::two_sided) const noexcept {
    const double two_sided =
        slope == 0.0 ? 1.0 : detail::student_t_two_sided(slope / standard_error, count - 2.0);
    switch (against) {
      case trend_test::falling:
        return slope < 0.0 ? two_sided / 2.0 : 1.0 - two_sided / 2.0;
      case trend_test::rising:
        return slope > 0.0 ? two_sided / 2.0 : 1.0 - two_sided / 2.0;
      case trend_test::two_sided:
        break;
    }
    return two_sided;
  }

  bool operator==(const line_fit&) const = default;
};

}  // namespace dvar::inline v0_2
