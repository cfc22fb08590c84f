#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/rolling_slope.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `trend`.
struct trend_options {
  /// Says through how many of the latest observations the line goes: N.
  std::size_t window = 310;
  /// Stops when the slope, in units of the loss an observation, is less than this away from 0.
  double threshold = 1e-7;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = trend_options;
    return std::tuple{
        field{&self::window, "window", at_least(3),
              "N: how many of the latest observations the line goes through"},
        field{&self::threshold, "threshold", above(0.0),
              "stop when the slope, in units of the loss an observation, is less than this away from 0"}};
  }
};

/// Stops when the least-squares line through the latest N observations is nearly level.
///
/// \f[ |m| < \varepsilon, \quad
///     m = \frac{12}{N^3 - N} \sum_{i=1}^{N} \Bigl( i - \frac{N+1}{2} \Bigr) (L_{n-N+i} - \bar L) \f]
///
/// It is "Trend" among the rules that the authors of DVAR tried beside the variance ratio and found unstable
/// ("Is This Loss Informative?", arXiv 2302.04841, appendix); the defaults are this library's, not theirs.
/// The threshold has the unit of the loss: 1e-7 over 310 observations is 3e-5, about 3 % of what the
/// deterministic loss of textual inversion moves in all. `slope_test` needs no such unit.
///
/// What to expect:
/// - fewer than N observations: `warming_up`;
/// - equal observations: the slope is exactly 0, and it stops;
/// - a NaN or an infinity among the last N: no statistic, no stop; no trace of it afterwards;
/// - a rise and a fall of the same size, a turn or a wave of the window's length: the line is level, and it
///   stops though nothing has converged.
///
/// Takes constant time an observation on average, O(N) once in N; never allocates after construction.
class trend {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "trend";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the least-squares line through the latest observations is nearly level";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit trend(const trend_options& options = {})
      : options_(checked(name, options)), window_(options.window) {}

  verdict observe(double value) noexcept {
    window_.observe(value);
    slope_ = window_.slope();
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (!window_.full()) return {.warming_up = true};
    const bool stop = slope_ && std::abs(*slope_) < options_.threshold;
    return {.stop = stop, .rule = stop ? name : "", .statistic = slope_};
  }

  [[nodiscard]] const trend_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string window = std::to_string(options_.window);
    const verdict v = latest();
    if (v.warming_up) return "warming up: fewer than " + window + " observations";
    if (!v.statistic)
      return "the slope of the last " + window + " observations is undefined: they are not finite";
    return "the slope of the last " + window + " observations is " + brief_text(*v.statistic) +
           " an observation, " + (v.stop ? "less than " : "not less than ") + brief_text(options_.threshold) +
           " away from 0";
  }

  /// Reports `slope`, and `abs_slope`, which stops below the threshold.
  void report(const report_visitor& visitor) const {
    visitor({name, "slope", slope_});
    visitor({name, "abs_slope", slope_ ? std::optional(std::abs(*slope_)) : std::nullopt,
             stop_bound{stop_bound::comparison::less, options_.threshold}});
  }

  void reset() noexcept {
    window_.reset();
    slope_ = std::nullopt;
  }

  /// Loading throws `state_error` when the saved rule had other options.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.window_);
    if constexpr (is_loading<decltype(archive)>) self.slope_ = self.window_.slope();
  }

 private:
  trend_options options_;
  rolling_slope window_;
  std::optional<double> slope_;  // of the window
};

static_assert(criterion<trend>);

}  // namespace dvar::inline v0_2
