#pragma once

#include <concepts>
#include <cstddef>
#include <optional>

#include <dvar/detail/variance_window.hpp>
#include <dvar/statistics/ddof.hpp>

namespace dvar::inline v0_2 {

/// Keeps the variance of the last `window` observations, in constant time an observation whatever the window.
///
/// It is taken from sums \f$ S_k = \sum (x_i - p)^k \f$ over the window about a pivot p,
///
/// \f[ \mathrm{var} = \frac{1}{N - \mathrm{ddof}} \Bigl( S_2 - \frac{S_1^2}{N} \Bigr), \f]
///
/// in which every new value takes the place of the one that leaves. Such sums alone go wrong: digits that a
/// large value rounded away stay lost when it has left, and a NaN never leaves. So they are never kept for long:
/// - The ring of the last N values is cut into about sqrt(N) / 5 segments, and each full one has its own
///   sums. Whenever a segment is full, the window's sums are made anew from these, about a new pivot: the
///   mean of the segment, which lies inside the window, so that the subtraction cancels little.
/// - In between, the sums are trusted as long as no more than four binary digits can have canceled, which
///   the squares that went in tell. Otherwise, as when a spike or a NaN leaves, they are made anew at once,
///   from the segments and what is left of the one that is being overwritten.
///
/// So errors do not build up, and a NaN, an infinity or a spike leaves no trace once it has left. A window of
/// equal values gives exactly 0. The relative error is around 1e-15 as a rule and below 1e-12 on every stream
/// of the tests, 1e9 ± 1e-3 and 1e12 followed by 1e-6 among them.
///
/// The constructor allocates, nothing else does. `observe` takes constant time on average and O(sqrt(N)) at
/// worst, or always while a NaN or an infinity is in the window. Values are stored as `T` (float halves the
/// memory and loses nothing when the losses are float); sums are double.
template <class T = double>
  requires(std::same_as<T, float> || std::same_as<T, double>)
class rolling_variance {
 public:
  /// The type of a stored value.
  using value_type = T;

  /// Throws `std::invalid_argument` unless `window >= 2`.
  explicit rolling_variance(std::size_t window) : window_(window) {}

  void observe(T value) noexcept { window_.observe(value); }

  /// How many observations the variance is taken over.
  [[nodiscard]] std::size_t window() const noexcept { return window_.window(); }

  /// Whether `window()` observations have been made.
  [[nodiscard]] bool full() const noexcept { return window_.full(); }

  /// Returns \f$ \sum (x_i - \bar x)^2 / (N - \mathrm{ddof}) \f$ over the last N observations, the
  /// population variance by default. There is no value until N observations have been made, while a NaN or
  /// an infinity is among the last N, when the result is beyond the range of double, or when `N <= ddof`.
  /// Takes constant time.
  [[nodiscard]] std::optional<double> variance(delta_degrees_of_freedom delta = population) const noexcept {
    return window_.variance(delta);
  }

  /// Forgets everything: equal to a new object. Allocates nothing.
  void reset() noexcept { window_.reset(); }

  /// Loading throws `state_error` when another window or value type was saved.
  static void state(auto& self, auto& archive) { archive(self.window_); }

 private:
  detail::variance_window<T> window_;
};

}  // namespace dvar::inline v0_2
