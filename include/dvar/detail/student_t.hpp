#pragma once

#include <cmath>
#include <initializer_list>
#include <limits>
#include <numbers>

#include <dvar/detail/finite.hpp>

namespace dvar::inline v0_2::detail {

/// Returns \f$ \Gamma(a + 1/2) / \Gamma(a) \f$ for a > 0, to a few 1e-16: `std::lgamma` would lose digits
/// where a is large, and may write a global.
///
/// The recurrence \f$ r(a) = r(a + 1) \, a / (a + 1/2) \f$ leads to where the asymptotic series of \f$ r(a) /
/// \sqrt a \f$ in 1/a is short (Graham, Knuth, Patashnik, Concrete Mathematics, answer to 9.60).
inline double half_step_gamma_ratio(double a) noexcept {
  double factor = 1.0;
  for (; a < 40.0; a += 1.0)
    factor *= a / (a + 0.5);
  const double x = 1.0 / a;
  const double series =
      1.0 +
      x * (-1.0 / 8 +
           x * (1.0 / 128 + x * (5.0 / 1024 + x * (-21.0 / 32768 +
                                                   x * (-399.0 / 262144 +
                                                        x * (869.0 / 4194304 + x * 39325.0 / 33554432))))));
  return factor * std::sqrt(a) * series;
}

/// Returns the continued fraction of the incomplete beta function,
/// \f$ I_x(a, b) = \frac{x^a (1-x)^b}{a \, B(a, b)} \, \mathrm{fraction} \f$ (DLMF 8.17.22), by Lentz's method.
/// It converges fast for \f$ x < (a + 1) / (a + b + 2) \f$.
inline double incomplete_beta_fraction(double x, double a, double b) noexcept {
  constexpr double tiny = std::numeric_limits<double>::min();
  const auto away_from_zero = [](double value) { return std::abs(value) < tiny ? tiny : value; };
  double c = 1.0;
  double d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
  double fraction = d;
  for (double m = 1.0; m < 1000.0; m += 1.0) {
    double change = 1.0;
    for (const double term : {m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
                              -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))}) {
      d = 1.0 / away_from_zero(1.0 + term * d);
      c = away_from_zero(1.0 + term / c);
      change = c * d;
      fraction *= change;
    }
    if (std::abs(change - 1.0) <= std::numeric_limits<double>::epsilon()) break;
  }
  return fraction;
}

/// Returns the normal deviate that is exceeded as often as Student's t with many degrees of freedom is: G. W.
/// Hill, Algorithm 395, Communications of the ACM 13 (1970). The continued fraction would need the distance
/// of its argument from 1, of which few digits are left by then.
inline double normal_deviate_of_t(double square, double dof) noexcept {
  const double a = dof - 0.5;
  const double b = 48.0 * a * a;
  const double y = a * std::log1p(square / dof);
  return std::sqrt(y) *
         (1.0 +
          (y + 3.0 - (((4.0 * y + 33.0) * y + 240.0) * y + 855.0) / (10.0 * (b + 0.8 * y * y + 100.0))) / b);
}

/// Returns the probability that Student's t with `dof` > 0 degrees of freedom is at least |t| away from 0:
/// \f$ I_{\nu / (\nu + t^2)}(\nu / 2, 1/2) \f$. It is 1 at t = 0, 0 at infinity, NaN for a NaN. Takes constant time.
inline double student_t_two_sided(double t, double dof) noexcept {
  const double square = t * t;
  if (is_infinite(square)) return 0.0;
  if (dof > 2000.0) return std::erfc(normal_deviate_of_t(square, dof) / std::numbers::sqrt2);
  const double a = dof / 2.0;
  const double x = dof / (dof + square);
  const double rest = square / (dof + square);
  const double front = std::exp(-a * std::log1p(square / dof)) * std::sqrt(rest) * half_step_gamma_ratio(a) *
                       std::numbers::inv_sqrtpi;
  return x < (a + 1.0) / (a + 2.5) ? front * incomplete_beta_fraction(x, a, 0.5) / a
                                   : 1.0 - front * incomplete_beta_fraction(rest, 0.5, a) / 0.5;
}

}  // namespace dvar::inline v0_2::detail
