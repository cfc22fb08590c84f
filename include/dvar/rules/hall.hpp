#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/detail/rolling_line.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/rolling_extremes.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `hall`.
struct hall_options {
  /// Says how many of the latest observations are looked at: N.
  std::size_t window = 310;
  /// Stops when the range is less than this share of the mean.
  double threshold = 1e-3;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = hall_options;
    return std::tuple{
        field{&self::window, "window", at_least(2), "N: how many of the latest observations are looked at"},
        field{&self::threshold, "threshold", above(0.0),
              "stop when the range is less than this share of the mean"}};
  }
};

/// Stops when the latest N observations lie in a narrow band around their mean.
///
/// \f[ \frac{\max_i L_i - \min_i L_i}{|\bar L|} < \varepsilon, \quad i = n-N+1, \dots, n \f]
///
/// It is "Hall" among the rules that the authors of DVAR tried beside the variance ratio and found unstable
/// ("Is This Loss Informative?", arXiv 2302.04841, appendix). The absolute value, for losses below 0, and the
/// defaults are this library's.
///
/// What to expect:
/// - fewer than N observations: `warming_up`;
/// - equal observations other than 0: the ratio is exactly 0, and it stops;
/// - a mean of 0, a NaN or an infinity among the last N: no statistic, no stop; no trace of it afterwards;
/// - one outlier: the range stays large until it has left the window;
/// - noise wider than the band never lets it stop, and a loss with a large constant part stops it at once.
///
/// Takes constant time an observation on average, O(N) at worst; never allocates after construction.
class hall {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "hall";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the latest observations lie in a narrow band around their mean";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit hall(const hall_options& options = {})
      : options_(checked(name, options)), extremes_(options.window), average_(options.window) {}

  verdict observe(double value) noexcept {
    extremes_.observe(value);
    average_.observe(value);
    judge();
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (!extremes_.full()) return {.warming_up = true};
    if (band_ && *band_ < options_.threshold) return {.stop = true, .rule = name, .statistic = band_};
    return {.statistic = band_};
  }

  /// Returns the range of the last N observations as a share of their mean, or no value while warming up or
  /// while the mean is 0 or not finite.
  [[nodiscard]] std::optional<double> band() const noexcept { return band_; }

  [[nodiscard]] const hall_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string window = std::to_string(options_.window);
    const verdict v = latest();
    if (v.warming_up) return "warming up: fewer than " + window + " observations";
    if (!v.statistic)
      return "the band of the last " + window + " observations is undefined: their mean is 0 or not finite";
    return "the last " + window + " observations lie in a band of " + brief_text(*v.statistic) +
           " of their mean, " + (v.stop ? "below " : "not below ") + brief_text(options_.threshold);
  }

  void reset() noexcept {
    extremes_.reset();
    average_.reset();
    band_ = std::nullopt;
  }

  /// Reports `band`.
  void report(const report_visitor& visitor) const {
    visitor({name, "band", band_, stop_bound{stop_bound::comparison::less, options_.threshold}});
  }

  /// Loading throws `state_error` when the saved rule had other options.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.extremes_, self.average_);
    if constexpr (is_loading<decltype(archive)>) self.judge();
  }

 private:
  /// Evaluates the band, once for an observation.
  void judge() noexcept {
    band_ = std::nullopt;
    const std::optional<double> low = extremes_.minimum();
    const std::optional<double> high = extremes_.maximum();
    if (!low || !high) return;
    const auto average = average_.summarize();
    const double band = (*high - *low) / std::abs(average.pivot + average.offset);
    if (detail::is_finite(band)) band_ = band;
  }

  hall_options options_;
  rolling_extremes extremes_;
  detail::rolling_line average_;
  std::optional<double> band_;
};

static_assert(criterion<hall>);

}  // namespace dvar::inline v0_2
