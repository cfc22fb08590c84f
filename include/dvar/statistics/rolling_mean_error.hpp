#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_1 {

/// Says how sure the mean of the last N observations is, which follow each other and so are not independent: their
/// effective sample size, the Monte Carlo standard error of their mean, and whether their two halves have the same
/// mean (split \f$ \hat R \f$).
///
/// The window is cut into halves of n = N / 2 observations, as two chains; where N is odd, the one in the middle is
/// left out. With their autocovariances \f$ c_{m,t} = \frac{1}{n} \sum_i (x_i - \bar x_m)(x_{i+t} - \bar x_m) \f$ and
/// means \f$ \bar x_m \f$,
/// \f[ W = \frac{n}{n-1} \overline{c_{m,0}}, \quad V = \frac{n-1}{n} W + \mathrm{var}(\bar x_m), \quad
///     \rho_t = 1 - \frac{W - \overline{c_{m,t}}}{V}, \quad \hat R = \sqrt{V / W} , \f]
/// \f[ \mathrm{ESS} = \frac{2n}{\tau}, \quad \tau = -1 + 2 \sum_t \rho_t, \quad
///     \mathrm{MCSE} = s / \sqrt{\mathrm{ESS}} \f]
/// with the sum over Geyer's initial monotone sequence, \f$ \tau \ge 1 / \log_{10} 2n \f$,
/// and the standard deviation s of the window (ddof 1). It is A. Vehtari, A. Gelman, D. Simpson, B. Carpenter and
/// P.-C. Bürkner, Rank-Normalization, Folding, and Localization, arXiv 1903.08008, without ranks; and what ArviZ 0.2x
/// computes as `ess(method="mean")`, `mcse(method="mean")` and `rhat(method="split")`.
///
/// Nothing has a value until there are N observations, while a NaN or an infinity is among them, or where a number is
/// not finite. Equal observations have an effective sample size of 2n, a standard error of 0, and no \f$ \hat R \f$.
///
/// `observe` takes constant time and never allocates; a result O(N) for each lag that Geyer's sequence has, and
/// memory for as many numbers.
class rolling_mean_error {
 public:
  /// Throws `std::invalid_argument` unless `window >= 8`.
  explicit rolling_mean_error(std::size_t window) : ring_(checked(window)) {}

  void observe(double value) noexcept {
    ring_[static_cast<std::size_t>(count_ % ring_.size())] = value;
    ++count_;
  }

  /// Returns N, the number of observations that the mean is of.
  [[nodiscard]] std::size_t window() const noexcept { return ring_.size(); }

  /// Returns whether `window()` observations have been made.
  [[nodiscard]] bool full() const noexcept { return count_ >= ring_.size(); }

  /// Returns the mean of the last N observations.
  [[nodiscard]] std::optional<double> mean() const {
    if (!usable()) return std::nullopt;
    return finite(mean_of(in_order()));
  }

  /// Returns how many independent observations would give a mean as sure as this: less than N where neighbors are
  /// alike, more where they alternate.
  [[nodiscard]] std::optional<double> effective_sample_size() const {
    return usable() ? finite(effective_sample_size_of(in_order())) : std::nullopt;
  }

  /// Returns the standard error of `mean()`.
  [[nodiscard]] std::optional<double> standard_error() const {
    if (!usable()) return std::nullopt;
    const std::vector<double> values = in_order();
    const double mean = mean_of(values);
    double squares = 0.0;
    for (const double value : values)
      squares += (value - mean) * (value - mean);
    const double deviation = std::sqrt(squares / static_cast<double>(values.size() - 1));
    return finite(deviation / std::sqrt(effective_sample_size_of(values)));
  }

  /// Returns \f$ \hat R \f$ of the two halves: 1 where they have the same mean, more where they have not.
  [[nodiscard]] std::optional<double> split_r_hat() const {
    if (!usable()) return std::nullopt;
    const std::vector<double> values = in_order();
    const halves chains(values);
    return finite(std::sqrt(chains.pooled_variance() / chains.within()));
  }

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

  static std::optional<double> finite(double value) noexcept {
    return detail::is_finite(value) ? std::optional(value) : std::nullopt;
  }

  static double mean_of(std::span<const double> values) noexcept {
    // About the first, so that a large common offset costs no digits.
    double sum = 0.0;
    for (const double value : values)
      sum += value - values[0];
    return values[0] + sum / static_cast<double>(values.size());
  }

  [[nodiscard]] bool usable() const noexcept {
    return full() &&
           std::all_of(ring_.begin(), ring_.end(), [](double value) { return detail::is_finite(value); });
  }

  [[nodiscard]] std::vector<double> in_order() const {
    std::vector<double> values(ring_);
    std::rotate(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count_ % ring_.size()),
                values.end());
    return values;
  }

  /// Holds the two halves of a window, as deviations from their means.
  class halves {
   public:
    explicit halves(std::span<const double> values)
        : length_(values.size() / 2),
          first_(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(length_)),
          last_(values.end() - static_cast<std::ptrdiff_t>(length_), values.end()) {
      const double first = mean_of(first_);
      const double last = mean_of(last_);
      for (double& value : first_)
        value -= first;
      for (double& value : last_)
        value -= last;
      between_ = 0.5 * (first - last) * (first - last);
    }

    [[nodiscard]] std::size_t length() const noexcept { return length_; }

    /// Returns the mean of the halves' autocovariances at a lag.
    [[nodiscard]] double autocovariance(std::size_t lag) const noexcept {
      double sum = 0.0;
      for (std::size_t i = 0; i + lag < length_; ++i)
        sum += first_[i] * first_[i + lag] + last_[i] * last_[i + lag];
      return sum / (2.0 * static_cast<double>(length_));
    }

    /// Returns W, the mean variance within the halves.
    [[nodiscard]] double within() const noexcept {
      const auto n = static_cast<double>(length_);
      return autocovariance(0) * n / (n - 1.0);
    }

    /// Returns V.
    [[nodiscard]] double pooled_variance() const noexcept { return autocovariance(0) + between_; }

   private:
    std::size_t length_;
    std::vector<double> first_;
    std::vector<double> last_;
    double between_ = 0.0;  // variance of the two means, ddof 1
  };

  static double effective_sample_size_of(std::span<const double> values) {
    const halves chains(values);
    const double total = 2.0 * static_cast<double>(chains.length());
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    if (*least == *most) return total;
    const double within = chains.within();
    const double pooled = chains.pooled_variance();
    const auto correlation = [&](std::size_t lag) {
      return 1.0 - (within - chains.autocovariance(lag)) / pooled;
    };
    // Geyer's initial positive sequence: pairs of lags, as long as their sums are above 0.
    std::vector<double> rho{1.0, correlation(1)};
    double even = rho[0];
    double odd = rho[1];
    std::size_t t = 1;
    for (; t + 3 < chains.length() && even + odd > 0.0; t += 2) {
      even = correlation(t + 1);
      odd = correlation(t + 2);
      const bool kept = even + odd >= 0.0;
      rho.push_back(kept ? even : 0.0);
      rho.push_back(kept ? odd : 0.0);
    }
    // The last pair is only begun.
    rho.resize(t);
    rho[t - 1] = even > 0.0 ? even : rho[t - 1];
    // Made monotone.
    for (std::size_t s = 1; s + 4 <= t; s += 2) {
      const double before = rho[s - 1] + rho[s];
      if (rho[s + 1] + rho[s + 2] > before) rho[s + 1] = rho[s + 2] = before / 2.0;
    }
    double tau = -1.0 + rho[t - 1];
    for (std::size_t s = 0; s + 1 < t; ++s)
      tau += 2.0 * rho[s];
    return total / std::max(tau, 1.0 / std::log10(total));
  }

  std::vector<double> ring_;
  std::uint64_t count_ = 0;
};

}  // namespace dvar::inline v0_1
