#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/detail/rolling_line.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/line_fit.hpp>

namespace dvar::inline v0_2 {

/// Keeps the least-squares slope of the last `window` observations against their index.
///
/// The sums of `line_fit` are kept as those of two blocks, each about a value of its own that is in the
/// window; nothing is subtracted to take an observation out. So an offset such as 1e9 costs no digits,
/// errors do not build up, and a NaN, an infinity or a spike leaves no trace once it has left the window.
/// Equal observations have slope 0 and standard error 0, exactly. The error of the slope is below 1e-12 of
/// \f$ \sqrt{S_{yy} / S_{xx}} \f$, the largest slope that values so scattered can have, on all streams of
/// the tests.
///
/// The constructor allocates, 32 bytes an observation of the window; nothing else does. `observe` takes
/// constant time on average, and O(N) once in N observations; a fit takes constant time.
class rolling_slope {
 public:
  /// Throws `std::invalid_argument` unless `window >= 3`.
  explicit rolling_slope(std::size_t window) : line_(checked(window)) {}

  void observe(double value) noexcept { line_.observe(value); }

  /// Returns N, the number of observations that the line goes through.
  [[nodiscard]] std::size_t window() const noexcept { return line_.window(); }

  /// Returns whether `window()` observations have been made.
  [[nodiscard]] bool full() const noexcept { return line_.full(); }

  /// Returns the line through the last N observations, or no value until there are N, while a NaN or an
  /// infinity is among them, or when a sum of squares is beyond the range of double.
  [[nodiscard]] std::optional<line_fit> fit() const noexcept {
    if (!full()) return std::nullopt;
    const auto sums = line_.summarize();
    return line_fit::of(static_cast<double>(window()), sums.sum_of_squares, sums.sum_of_products);
  }

  /// Returns the slope alone, or no value where `fit()` has none.
  [[nodiscard]] std::optional<double> slope() const noexcept {
    const auto line = fit();
    return line ? std::optional(line->slope) : std::nullopt;
  }

  /// Returns the mean of the last N observations, or no value until there are N or where it is not finite.
  [[nodiscard]] std::optional<double> mean() const noexcept {
    if (!full()) return std::nullopt;
    const auto sums = line_.summarize();
    const double mean = sums.pivot + sums.offset;
    return detail::is_finite(mean) ? std::optional(mean) : std::nullopt;
  }

  /// Forgets everything: the object equals a new one. Allocates nothing.
  void reset() noexcept { line_.reset(); }

  /// Loading throws `state_error` when another window was saved.
  static void state(auto& self, auto& archive) {
    archive.section("rolling_slope", 1);
    archive(self.line_);
  }

 private:
  static std::size_t checked(std::size_t window) {
    if (window < 3) {
      detail::fail<std::invalid_argument>("rolling_slope: window must be at least 3, not " +
                                          std::to_string(window));
    }
    return window;
  }

  detail::rolling_line line_;
};

}  // namespace dvar::inline v0_2
