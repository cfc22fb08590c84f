#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/detail/rolling_line.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/rolling_extremes.hpp>

namespace dvar {

/// Settings of `hall`.
struct hall_options {
  /// N: how many of the latest observations are looked at; at least 2.
  std::size_t window = 310;
  /// Stop when the range is less than this share of the mean; above 0.
  double threshold = 1e-3;
};

/// Stops when the latest N observations lie in a narrow band around their mean.
///
/// \f[ \frac{\max_i L_i - \min_i L_i}{|\bar L|} < \varepsilon, \quad i = n-N+1, \dots, n \f]
///
/// "Hall" among the rules that the authors of DVAR tried beside the variance ratio and found unstable ("Is
/// This Loss Informative?", arXiv 2302.04841, appendix). The absolute value, for losses below 0, and the
/// defaults are this library's.
///
/// What to expect:
/// - fewer than N observations: `warming_up`;
/// - equal observations other than 0: the ratio is exactly 0, and it stops;
/// - a mean of 0, a NaN or an infinity among the last N: no statistic, no stop; no trace of it afterwards;
/// - one outlier: the range stays large until it has left the window;
/// - noise wider than the band never lets it stop, and a loss with a large constant part stops it at once.
///
/// Constant time an observation on average, O(N) at worst; never allocates after construction.
class hall {
 public:
  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit hall(const hall_options& options = {})
      : options_(checked(options)), extremes_(options.window), average_(options.window) {}

  verdict observe(double value) noexcept {
    extremes_.observe(value);
    average_.observe(value);
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (!extremes_.full()) return {.warming_up = true};
    const std::optional<double> low = extremes_.minimum();
    const std::optional<double> high = extremes_.maximum();
    const auto average = average_.summarise();
    const double band = low && high ? (*high - *low) / std::abs(average.pivot + average.offset) : NAN;
    if (!std::isfinite(band)) return {};
    if (band < options_.threshold) return {.stop = true, .reason = "hall", .statistic = band};
    return {.statistic = band};
  }

  [[nodiscard]] const hall_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string window = std::to_string(options_.window);
    const verdict v = latest();
    if (v.warming_up) return "warming up: fewer than " + window + " observations";
    if (!v.statistic)
      return "the band of the last " + window + " observations is undefined: their mean is 0 or not finite";
    return "the last " + window + " observations lie in a band of " + detail::brief_text(*v.statistic) +
           " of their mean, " + (v.stop ? "below " : "not below ") + detail::brief_text(options_.threshold);
  }

  void reset() noexcept {
    extremes_.reset();
    average_.reset();
  }

  void save(state_writer& out) const {
    out.section("hall", 1);
    out.write_count(options_.window);
    out.write_real(options_.threshold);
    extremes_.save(out);
    average_.save(out);
  }

  /// Throws `state_error` when the saved rule had other options.
  void load(state_reader& in) {
    in.section("hall", 1);
    in.expect_count(options_.window, "hall's window");
    in.expect_real(options_.threshold, "hall's threshold");
    extremes_.load(in);
    average_.load(in);
  }

 private:
  static hall_options checked(const hall_options& options) {
    if (options.window < 2) {
      detail::fail<std::invalid_argument>("hall: window must be at least 2, not " +
                                          std::to_string(options.window));
    }
    if (!(options.threshold > 0.0)) {
      detail::fail<std::invalid_argument>("hall: threshold must be above 0, not " +
                                          detail::shortest_text(options.threshold));
    }
    return options;
  }

  hall_options options_;
  rolling_extremes extremes_;
  detail::rolling_line average_;
};

static_assert(criterion<hall>);

}  // namespace dvar
