#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>

namespace dvar::inline v0_2 {

/// Says how sure the mean of observations is that follow each other and so are not independent. A number that is not
/// finite has no value.
struct mean_error {
  /// Is the mean of all of them.
  std::optional<double> mean{};
  /// Says how many independent observations would give a mean as sure as this: fewer where neighbors are alike, more
  /// where they alternate.
  std::optional<double> effective_sample_size{};
  /// Is the Monte Carlo standard error of the mean.
  std::optional<double> standard_error{};
  /// Is 1 where both halves have the same mean, more where they have not.
  std::optional<double> split_r_hat{};

  friend bool operator==(const mean_error&, const mean_error&) = default;
};

/// Computes a `mean_error` in room that it allocates once.
///
/// The N observations are cut into halves of n = N / 2, as two chains; where N is odd, the one in the middle is left
/// out. With their autocovariances \f$ c_{m,t} = \frac{1}{n} \sum_i (x_i - \bar x_m)(x_{i+t} - \bar x_m) \f$ and
/// means \f$ \bar x_m \f$,
/// \f[ W = \frac{n}{n-1} \overline{c_{m,0}}, \quad V = \frac{n-1}{n} W + \mathrm{var}(\bar x_m), \quad
///     \rho_t = 1 - \frac{W - \overline{c_{m,t}}}{V}, \quad \hat R = \sqrt{V / W} , \f]
/// \f[ \mathrm{ESS} = \frac{2n}{\tau}, \quad \tau = -1 + 2 \sum_t \rho_t, \quad
///     \mathrm{MCSE} = s / \sqrt{\mathrm{ESS}} \f]
/// with the sum over Geyer's initial monotone sequence, \f$ \tau \ge 1 / \log_{10} 2n \f$,
/// and the standard deviation s of all (ddof 1). It is A. Vehtari, A. Gelman, D. Simpson, B. Carpenter and
/// P.-C. Bürkner, Rank-Normalization, Folding, and Localization, arXiv 1903.08008, without ranks; and what ArviZ 0.2x
/// computes as `ess(method="mean")`, `mcse(method="mean")` and `rhat(method="split")`.
///
/// Nothing has a value where an observation is a NaN or an infinity. Equal observations have an effective sample size
/// of 2n, a standard error of 0, and no \f$ \hat R \f$.
class mean_error_estimator {
 public:
  /// Makes room for at most `most` observations. Throws `std::invalid_argument` unless `most >= 8`.
  explicit mean_error_estimator(std::size_t most) : values_(checked(most)), correlations_(most / 2 + 2) {}

  /// Returns how many observations there is room for.
  [[nodiscard]] std::size_t most() const noexcept { return values_.size(); }

  /// Computes the numbers of the observations in `first` and then `second`: a ring as it lies, or one of them empty.
  /// Precondition: together they are at least 8 and at most `most()`. Takes O(N) time for each lag that Geyer's sequence
  /// has, which are few more than the observations over the effective sample size; never allocates.
  [[nodiscard]] mean_error operator()(std::span<const double> first,
                                      std::span<const double> second = {}) noexcept {
    const std::span<double> values = std::span(values_).first(first.size() + second.size());
    std::copy(second.begin(), second.end(), std::copy(first.begin(), first.end(), values.begin()));
    if (!std::all_of(values.begin(), values.end(), [](double value) { return detail::is_finite(value); }))
      return {};
    const double mean = mean_of(values);
    double squares = 0.0;
    for (const double value : values)
      squares += (value - mean) * (value - mean);
    const double deviation = std::sqrt(squares / static_cast<double>(values.size() - 1));
    const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
    const bool equal = *least == *greatest;
    const halves chains = centered(values);
    const double pooled = chains.covariance(0) + chains.between;
    const double size = equal ? 2.0 * chains.length() : effective_sample_size(chains);
    return {.mean = finite(mean),
            .effective_sample_size = finite(size),
            .standard_error = finite(deviation / std::sqrt(size)),
            .split_r_hat = finite(std::sqrt(pooled / chains.within()))};
  }

 private:
  static std::size_t checked(std::size_t most) {
    if (most < 8)
      detail::fail<std::invalid_argument>("mean_error_estimator: most must be at least 8, not " +
                                          std::to_string(most));
    return most;
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

  /// Holds two halves as deviations from their means.
  struct halves {
    std::span<const double> first;
    std::span<const double> last;
    double between;  // variance of the two means, ddof 1

    [[nodiscard]] double length() const noexcept { return static_cast<double>(first.size()); }

    /// Returns the mean of the halves' autocovariances at a lag.
    [[nodiscard]] double covariance(std::size_t lag) const noexcept {
      double sum = 0.0;
      for (std::size_t i = 0; i + lag < first.size(); ++i)
        sum += first[i] * first[i + lag] + last[i] * last[i + lag];
      return sum / (2.0 * length());
    }

    /// Returns W, the mean variance within the halves.
    [[nodiscard]] double within() const noexcept { return covariance(0) * length() / (length() - 1.0); }
  };

  /// Makes deviations of the values.
  static halves centered(std::span<double> values) noexcept {
    const std::size_t length = values.size() / 2;
    const std::span<double> first = values.first(length);
    const std::span<double> last = values.last(length);
    const double first_mean = mean_of(first);
    const double last_mean = mean_of(last);
    for (double& value : first)
      value -= first_mean;
    for (double& value : last)
      value -= last_mean;
    const double apart = first_mean - last_mean;
    return {.first = first, .last = last, .between = 0.5 * apart * apart};
  }

  [[nodiscard]] double effective_sample_size(const halves& chains) noexcept {
    const double within = chains.within();
    const double pooled = chains.covariance(0) + chains.between;
    const auto correlation = [&](std::size_t lag) {
      return 1.0 - (within - chains.covariance(lag)) / pooled;
    };
    std::vector<double>& rho = correlations_;
    rho[0] = 1.0;
    rho[1] = correlation(1);
    // Geyer's initial positive sequence: pairs of lags, as long as their sums are above 0.
    double even = rho[0];
    double odd = rho[1];
    std::size_t t = 1;
    for (; t + 3 < chains.first.size() && even + odd > 0.0; t += 2) {
      even = correlation(t + 1);
      odd = correlation(t + 2);
      const bool kept = even + odd >= 0.0;
      rho[t + 1] = kept ? even : 0.0;
      rho[t + 2] = kept ? odd : 0.0;
    }
    // The last pair is only begun.
    rho[t - 1] = even > 0.0 ? even : rho[t - 1];
    // Made monotone.
    for (std::size_t s = 1; s + 4 <= t; s += 2) {
      const double before = rho[s - 1] + rho[s];
      if (rho[s + 1] + rho[s + 2] > before) rho[s + 1] = rho[s + 2] = before / 2.0;
    }
    double tau = -1.0 + rho[t - 1];
    for (std::size_t s = 0; s + 1 < t; ++s)
      tau += 2.0 * rho[s];
    const double total = 2.0 * chains.length();
    return total / std::max(tau, 1.0 / std::log10(total));
  }

  std::vector<double> values_;
  std::vector<double> correlations_;  // of the lags, as far as they are needed
};

/// Returns how sure the mean of `values` is, as `mean_error_estimator` computes it. Throws `std::invalid_argument` unless
/// there are at least 8.
[[nodiscard]] inline mean_error mean_error_of(std::span<const double> values) {
  if (values.size() < 8)
    detail::fail<std::invalid_argument>("mean_error_of: expected at least 8 observations, not " +
                                        std::to_string(values.size()));
  return mean_error_estimator(values.size())(values);
}

}  // namespace dvar::inline v0_2
