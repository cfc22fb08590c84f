#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/rolling_slope.hpp>

namespace dvar {

/// Settings of `trend`.
struct trend_options {
  /// N: how many of the latest observations the line goes through; at least 3.
  std::size_t window = 310;
  /// Stop when the slope, in units of the loss an observation, is less than this away from 0; above 0.
  double threshold = 1e-7;
};

/// Stops when the least-squares line through the latest N observations is nearly level.
///
/// \f[ |m| < \varepsilon, \quad
///     m = \frac{12}{N^3 - N} \sum_{i=1}^{N} \Bigl( i - \frac{N+1}{2} \Bigr) (L_{n-N+i} - \bar L) \f]
///
/// "Trend" among the rules that the authors of DVAR tried beside the variance ratio and found unstable ("Is
/// This Loss Informative?", arXiv 2302.04841, appendix); the defaults are this library's, not theirs. The
/// threshold has the unit of the loss: 1e-7 over 310 observations is 3e-5, about 3 % of what the
/// deterministic loss of textual inversion moves in all. `slope_test` needs no such unit.
///
/// What to expect:
/// - fewer than N observations: `warming_up`;
/// - equal observations: the slope is exactly 0, and it stops;
/// - a NaN or an infinity among the last N: no statistic, no stop; no trace of it afterwards;
/// - a rise and a fall of the same size, a turn or a wave of the window's length: the line is level, and it
///   stops though nothing has converged.
///
/// Constant time an observation on average, O(N) once in N; never allocates after construction.
class trend {
 public:
  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit trend(const trend_options& options = {}) : options_(checked(options)), window_(options.window) {}

  verdict observe(double value) noexcept {
    window_.observe(value);
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (!window_.full()) return {.warming_up = true};
    const std::optional<double> slope = window_.slope();
    if (slope && std::abs(*slope) < options_.threshold)
      return {.stop = true, .reason = "trend", .statistic = slope};
    return {.statistic = slope};
  }

  [[nodiscard]] const trend_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string window = std::to_string(options_.window);
    const verdict v = latest();
    if (v.warming_up) return "warming up: fewer than " + window + " observations";
    if (!v.statistic)
      return "the slope of the last " + window + " observations is undefined: they are not finite";
    return "the slope of the last " + window + " observations is " + detail::brief_text(*v.statistic) +
           " an observation, " + (v.stop ? "less than " : "not less than ") +
           detail::brief_text(options_.threshold) + " away from 0";
  }

  void reset() noexcept { window_.reset(); }

  void save(state_writer& out) const {
    out.section("trend", 1);
    out.write_count(options_.window);
    out.write_real(options_.threshold);
    window_.save(out);
  }

  /// Throws `state_error` when the saved rule had other options.
  void load(state_reader& in) {
    in.section("trend", 1);
    in.expect_count(options_.window, "trend's window");
    in.expect_real(options_.threshold, "trend's threshold");
    window_.load(in);
  }

 private:
  static trend_options checked(const trend_options& options) {
    if (options.window < 3) {
      detail::fail<std::invalid_argument>("trend: window must be at least 3, not " +
                                          std::to_string(options.window));
    }
    if (!(options.threshold > 0.0)) {
      detail::fail<std::invalid_argument>("trend: threshold must be above 0, not " +
                                          detail::shortest_text(options.threshold));
    }
    return options;
  }

  trend_options options_;
  rolling_slope window_;
};

static_assert(criterion<trend>);

}  // namespace dvar
