#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/exponential_average.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `ema_percentile`.
struct ema_percentile_options {
  /// Says how many observations lie between the two averages: n.
  std::size_t lag = 310;
  /// Gives the share of the newest observation in the average.
  double weight = 0.1;
  /// Stops when the average has changed by less than this share.
  double threshold = 1e-3;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = ema_percentile_options;
    return std::tuple{
        field{&self::lag, "lag", at_least(1), "n: how many observations lie between the two averages"},
        field{&self::weight, "weight", above(0.0).at_most(1.0),
              "the share of the newest observation in the average"},
        field{&self::threshold, "threshold", above(0.0),
              "stop when the average has changed by less than this share"}};
  }
};

/// Stops when the exponential average of the loss has changed little over the latest n observations.
///
/// \f[ \Bigl| \frac{E_t - E_{t-n}}{E_{t-n}} \Bigr| < \varepsilon, \quad t > n \f]
/// with the bias-corrected \f$ E_t \f$ of `exponential_average`. The statistic has its sign: below 0 while the
/// loss is falling.
///
/// It is "EMA percentile" among the rules that the authors of DVAR tried beside the variance ratio and found
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
/// Takes constant time an observation; never allocates after construction.
class ema_percentile {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "ema_percentile";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the exponential average has changed little over the latest observations";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit ema_percentile(const ema_percentile_options& options = {})
      : options_(checked(name, options)),
        average_({.weight = options.weight, .bias_correction = true}),
        averages_(options.lag) {}

  verdict observe(double value) noexcept {
    const std::size_t slot = static_cast<std::size_t>(average_.count() % averages_.size());
    average_.observe(value);
    const double earlier = averages_[slot];
    change_ = std::nullopt;
    if (const std::optional<double> now = average_.mean()) {
      averages_[slot] = *now;
      const double change = (*now - earlier) / earlier;
      if (!warming_up() && detail::is_finite(change)) change_ = change;
    } else {
      averages_[slot] = detail::number_of_bits(detail::nan_bits);
    }
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (warming_up()) return {.warming_up = true};
    if (change_ && std::abs(*change_) < options_.threshold)
      return {.stop = true, .rule = name, .statistic = change_};
    return {.statistic = change_};
  }

  /// Returns \f$ E_t \f$, or no value before the first observation or after a non-finite one.
  [[nodiscard]] std::optional<double> average() const noexcept { return average_.mean(); }

  /// Returns by what share of itself the average has changed over the latest n observations, or no value
  /// while warming up, after a non-finite observation, or where the earlier average is 0.
  [[nodiscard]] std::optional<double> change() const noexcept { return change_; }

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
    return "the average has changed by " + brief_text(*v.statistic) + " of its value " + lag +
           " observations ago, " + (v.stop ? "less than " : "not less than ") +
           brief_text(options_.threshold) + " either way";
  }

  void reset() noexcept {
    average_.reset();
    std::fill(averages_.begin(), averages_.end(), 0.0);
    change_ = std::nullopt;
  }

  /// Reports `ema`, `change`, and `abs_change`, which stops below the threshold.
  void report(const report_visitor& visitor) const {
    visitor({name, "ema", average()});
    visitor({name, "change", change_});
    visitor({name, "abs_change", change_ ? std::optional(std::abs(*change_)) : std::nullopt,
             stop_bound{stop_bound::comparison::less, options_.threshold}});
  }

  /// Loading throws `state_error` when the saved rule had other options.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.average_, self.averages_, self.change_);
  }

 private:
  [[nodiscard]] bool warming_up() const noexcept { return average_.count() <= options_.lag; }

  ema_percentile_options options_;
  exponential_average average_;
  std::vector<double> averages_;  // the last n, in a ring
  std::optional<double> change_;
};

static_assert(criterion<ema_percentile>);

}  // namespace dvar::inline v0_2
