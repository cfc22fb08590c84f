#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/mean_error.hpp>

namespace dvar::inline v0_2 {

/// Says how sure the mean of the last N observations is, as `mean_error_estimator` computes it: their effective sample
/// size, the Monte Carlo standard error of their mean, and whether their two halves have the same mean (split
/// \f$ \hat R \f$).
///
/// Nothing has a value until there are N observations, or while a NaN or an infinity is among them.
///
/// `observe` takes constant time and never allocates. The numbers are computed when they are asked for, in O(N) time for
/// each lag that Geyer's sequence has: about N times the observations over the effective sample size, so O(N) for noise
/// whose neighbors are hardly alike, and O(N²) at worst.
class rolling_mean_error {
 public:
  /// Throws `std::invalid_argument` unless `window >= 8`.
  explicit rolling_mean_error(std::size_t window) : ring_(checked(window)) {}

  void observe(double value) noexcept {
    ring_[position()] = value;
    ++count_;
  }

  /// Returns N, the number of observations that the mean is of.
  [[nodiscard]] std::size_t window() const noexcept { return ring_.size(); }

  /// Returns whether `window()` observations have been made.
  [[nodiscard]] bool full() const noexcept { return count_ >= ring_.size(); }

  /// Returns the observation that the next one replaces. Precondition: `full()`.
  [[nodiscard]] double oldest() const noexcept { return ring_[position()]; }

  /// Returns all of the numbers at once.
  [[nodiscard]] mean_error estimate() const {
    mean_error_estimator estimator(window());
    return estimate(estimator);
  }

  /// Returns all of the numbers, and allocates nothing. Precondition: `estimator.most() >= window()`.
  [[nodiscard]] mean_error estimate(mean_error_estimator& estimator) const noexcept {
    if (!full()) return {};
    const std::span<const double> ring(ring_);
    return estimator(ring.subspan(position()), ring.first(position()));
  }

  /// Returns the mean of the last N observations.
  [[nodiscard]] std::optional<double> mean() const { return estimate().mean; }

  /// Returns how many independent observations would give a mean as sure as this.
  [[nodiscard]] std::optional<double> effective_sample_size() const {
    return estimate().effective_sample_size;
  }

  /// Returns the standard error of `mean()`.
  [[nodiscard]] std::optional<double> standard_error() const { return estimate().standard_error; }

  /// Returns \f$ \hat R \f$ of the two halves: 1 where they have the same mean, more where they have not.
  [[nodiscard]] std::optional<double> split_r_hat() const { return estimate().split_r_hat; }

  /// Forgets everything: the object equals a new one. Allocates nothing.
  void reset() noexcept {
    std::fill(ring_.begin(), ring_.end(), 0.0);
    count_ = 0;
  }

  /// Loading throws `state_error` when another window was saved.
  static void state(auto& self, auto& archive) {
    archive.section("rolling_mean_error", 1);
    archive(self.ring_, self.count_);
  }

 private:
  static std::size_t checked(std::size_t window) {
    if (window < 8)
      detail::fail<std::invalid_argument>("rolling_mean_error: window must be at least 8, not " +
                                          std::to_string(window));
    return window;
  }

  [[nodiscard]] std::size_t position() const noexcept {
    return static_cast<std::size_t>(count_ % ring_.size());
  }

  std::vector<double> ring_;
  std::uint64_t count_ = 0;
};

}  // namespace dvar::inline v0_2
