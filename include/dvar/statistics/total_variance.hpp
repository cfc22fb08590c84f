#pragma once

#include <cstdint>
#include <optional>

#include <dvar/detail/finite.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/detail/pooled_moments.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/ddof.hpp>

namespace dvar::inline v0_2 {

/// Keeps the mean and the variance of every observation so far, in constant memory; two of them merge.
///
/// Observations are added up in chunks of 64, as deviations from the chunk's first value p,
/// \f[ s_1 = \sum (x_i - p), \quad s_2 = \sum (x_i - p)^2 , \f]
/// and every full chunk is pooled with those before it. The relative error is a few 1e-15 on streams such as
/// 1e9 ± 1e-3, and a constant stream gives exactly 0.
///
/// A NaN or an infinity stays in the total for ever: there is no mean and no variance after it (until
/// `reset`), and none when the variance itself is beyond the range of double.
///
/// `observe` takes constant time and never allocates. Results are computed on demand, in constant time.
class total_variance {
 public:
  void observe(double value) noexcept {
    if (open_.length == 0.0) open_.pivot = value;
    open_.add(detail::unknown(value));
    if (open_.length == chunk_length) close();
  }

  /// Adds everything that `other` has seen, as if this object had observed it too (up to rounding).
  void merge(const total_variance& other) noexcept {
    const total_variance added = other;
    close();
    closed_.add(added.closed_);
    closed_.add(added.open_);
  }

  /// Returns the number of observations.
  [[nodiscard]] std::uint64_t count() const noexcept {
    return static_cast<std::uint64_t>(closed_.count(open_));
  }

  /// Returns the arithmetic mean, or no value before the first observation or after a non-finite one.
  [[nodiscard]] std::optional<double> mean() const noexcept {
    return when_finite(closed_.mean(open_), count() > 0);
  }

  /// Returns \f$ \sum (x_i - \bar x)^2 / (n - \mathrm{ddof}) \f$, the population variance by default, or no
  /// value while `count() <= ddof`, after a non-finite observation, or beyond the range of double.
  [[nodiscard]] std::optional<double> variance(delta_degrees_of_freedom delta = population) const noexcept {
    const double n = closed_.count(open_);
    const double deviations = closed_.about_mean(open_).squared_deviations(1.0 / n);
    return when_finite(deviations / (n - static_cast<double>(delta.ddof)), count() > delta.ddof);
  }

  /// Forgets everything: the object equals a new one.
  void reset() noexcept { *this = total_variance{}; }

  static void state(auto& self, auto& archive) {
    archive.section("total_variance", 1);
    archive(self.closed_, self.open_);
  }

 private:
  static constexpr double chunk_length = 64.0;

  static std::optional<double> when_finite(double value, bool defined) noexcept {
    return defined && detail::is_finite(value) ? std::optional(value) : std::nullopt;
  }

  void close() noexcept {
    closed_.add(open_);
    open_ = {};
  }

  detail::pooled_moments closed_;
  detail::chunk open_;
};

}  // namespace dvar::inline v0_2
