#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/exponential_average.hpp>

namespace dvar {

/// Settings of `ema_percentile`.
struct ema_percentile_options {
  /// n: how many observations lie between the two averages; at least 1.
  std::size_t lag = 310;
  /// The share of the newest observation in the average; above 0, at most 1.
  double weight = 0.1;
  /// Stop when the average has changed by less than this share; above 0.
  double threshold = 1e-3;
};

/// Stops when the exponential average of the loss has changed little over the latest n observations.
///
/// \f[ \Bigl| \frac{E_t - E_{t-n}}{E_{t-n}} \Bigr| < \varepsilon, \quad t > n \f]
/// with the bias-corrected \f$ E_t \f$ of `exponential_average`. The statistic has its sign: below 0 while the
/// loss is falling.
///
/// "EMA percentile" among the rules that the authors of DVAR tried beside the variance ratio and found
/// unstable ("Is This Loss Informative?", arXiv 2302.04841, appendix), with a decay of 0.1, which is read as
/// the share of the newest observation here. The bias correction, the absolute value and the other defaults
/// are this library's.
///
/// What to expect:
/// - n observations or fewer: `warming_up`;
/// - equal observations other than 0: the change is exactly 0, and it stops;
/// - a NaN or an infinity: no average from then on (until `reset`), so no statistic and no stop; compose with
///   `non_finite`;
/// - an average of 0 n observations ago: no statistic, no stop;
/// - noise: with w = 0.1 the average still has about a quarter of its standard deviation, so it crosses the
///   level of n observations ago by chance and stops; a wave of period n stops it too.
///
/// Constant time an observation; never allocates after construction.
class ema_percentile {
 public:
  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit ema_percentile(const ema_percentile_options& options = {})
      : options_(checked(options)),
        average_({.weight = options.weight, .bias_correction = true}),
        averages_(options.lag) {}

  verdict observe(double value) noexcept {
    const std::size_t slot = static_cast<std::size_t>(average_.count() % averages_.size());
    average_.observe(value);
    earlier_ = averages_[slot];
    averages_[slot] = average_.mean().value_or(std::numeric_limits<double>::quiet_NaN());
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (average_.count() <= options_.lag) return {.warming_up = true};
    const double now = average_.mean().value_or(std::numeric_limits<double>::quiet_NaN());
    const double change = (now - earlier_) / earlier_;
    if (!std::isfinite(change)) return {};
    if (std::abs(change) < options_.threshold)
      return {.stop = true, .reason = "ema_percentile", .statistic = change};
    return {.statistic = change};
  }

  [[nodiscard]] const ema_percentile_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string lag = std::to_string(options_.lag);
    const verdict v = latest();
    if (v.warming_up) {
      return "warming up: " + std::to_string(average_.count()) + " observations, more than " + lag +
             " are needed";
    }
    if (!v.statistic)
      return "the change of the average is undefined: an observation was not finite, or the average was 0";
    return "the average has changed by " + detail::brief_text(*v.statistic) + " of its value " + lag +
           " observations ago, " + (v.stop ? "less than " : "not less than ") +
           detail::brief_text(options_.threshold) + " either way";
  }

  void reset() noexcept {
    average_.reset();
    std::fill(averages_.begin(), averages_.end(), 0.0);
    earlier_ = 0.0;
  }

  void save(state_writer& out) const {
    out.section("ema_percentile", 1);
    out.write_count(options_.lag);
    out.write_real(options_.threshold);
    average_.save(out);
    out.write_reals(averages_);
    out.write_real(earlier_);
  }

  /// Throws `state_error` when the saved rule had other options.
  void load(state_reader& in) {
    in.section("ema_percentile", 1);
    in.expect_count(options_.lag, "ema_percentile's lag");
    in.expect_real(options_.threshold, "ema_percentile's threshold");
    average_.load(in);
    in.read_reals(averages_);
    earlier_ = in.read_real();
  }

 private:
  static ema_percentile_options checked(const ema_percentile_options& options) {
    if (options.lag == 0)
      detail::fail<std::invalid_argument>("ema_percentile: lag must be at least 1, not 0");
    if (!(options.weight > 0.0 && options.weight <= 1.0)) {
      detail::fail<std::invalid_argument>("ema_percentile: weight must be above 0 and at most 1, not " +
                                          detail::shortest_text(options.weight));
    }
    if (!(options.threshold > 0.0)) {
      detail::fail<std::invalid_argument>("ema_percentile: threshold must be above 0, not " +
                                          detail::shortest_text(options.threshold));
    }
    return options;
  }

  ema_percentile_options options_;
  exponential_average average_;
  std::vector<double> averages_;  // the last n, in a ring
  double earlier_ = 0.0;          // the average n observations before the latest
};

static_assert(criterion<ema_percentile>);

}  // namespace dvar
