#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/detail/line_sums.hpp>
#include <dvar/detail/rolling_line.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/line_fit.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `slope_test`.
struct slope_test_options {
  /// Says through how many of the latest observations the line goes: N.
  std::size_t window = 310;
  /// Stops when the loss is falling with a probability below this.
  double probability = 0.51;
  /// Gives the share of the largest observations that a second look leaves out; 0 takes no second look. At
  /// least 3 observations must be left.
  double discard = 0.1;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = slope_test_options;
    return std::tuple{
        field{&self::window, "window", at_least(3),
              "N: how many of the latest observations the line goes through"},
        field{&self::probability, "probability", above(0.0).below(1.0),
              "stop when the loss is falling with a probability below this"},
        field{&self::discard, "discard", at_least(0.0).below(1.0),
              "the share of the largest observations that a second look leaves out, 0 for none"}};
  }
};

/// Stops when the latest N observations are no longer falling, as far as their noise lets that be seen.
///
/// The slope that a least-squares line through them would have without noise is taken as normally distributed
/// around the slope m that it has, and so the loss is still falling with the probability
/// \f[ P(\text{falling}) = \Phi \Bigl( -\frac{m}{s_m} \Bigr), \quad
///     s_m^2 = \frac{12}{N^3 - N} \, \frac{\sum_i r_i^2}{N - 2} \f]
/// with the residuals \f$ r_i \f$ of the line. Where that is below the threshold, the line is fitted once more
/// without the observations above the quantile 1 - `discard`, and the rule stops when it is below the
/// threshold again: a burst of large losses at the end hides a fall, and is not to stop the run. The
/// statistic is the probability of the last fit that was made.
///
/// These are the semantics of dlib (`running_gradient`, `count_steps_without_decrease` and
/// `count_steps_without_decrease_robust` in dlib/statistics/running_gradient.h at commit 0dbac67b, and
/// `dnn_trainer`, which shrinks its learning rate when both counts reach its patience, 2000 by default). dlib
/// fits by recursive least squares from a prior of precision 1e-6 on slope and intercept; here there is none. So dlib
/// takes a millionth of the observations' squared level for noise, and pulls the line towards 0. Where the level is
/// no more than ten times the noise, the two probabilities are less than 1e-4 apart, and the verdicts differ in the
/// few windows whose probability is that near to the threshold; where it is thousands of times the noise, dlib no
/// longer sees a fall that is seen here.
///
/// What to expect:
/// - fewer than N observations: `warming_up`;
/// - flat noise: P(falling) is uniform on (0, 1), so about every second window stops: a run that begins
///   converged is recognized at once;
/// - equal observations: 1/2, and with the default it stops;
/// - a falling line: 1, with any slope; it goes on for as long as that can be told from noise;
/// - a NaN or an infinity among the last N: no statistic, no stop; no trace of it afterwards;
/// - noise with positive autocorrelation counts for more than it is: a slow wave stops it in its trough or
///   keeps it running.
///
/// Takes constant time an observation on average while the loss is falling, O(N) where the second look is
/// taken; never allocates after construction.
class slope_test {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "slope_test";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the latest observations are no longer falling, as far as their noise lets that be seen";

  /// Throws `std::invalid_argument` when an option is out of its range, or too few observations are left.
  explicit slope_test(const slope_test_options& options = {})
      : options_(with_enough_left(checked(name, options))),
        window_(options.window),
        by_size_(options.window) {}

  verdict observe(double value) noexcept {
    window_.observe(value);
    probability_ = std::nullopt;
    if (window_.full()) {
      const auto sums = window_.summarize();
      probability_ = falling(
          line_fit::of(static_cast<double>(options_.window), sums.sum_of_squares, sums.sum_of_products));
      if (probability_ && *probability_ < options_.probability && options_.discard > 0.0)
        probability_ = falling(fit_without_largest());
    }
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (!window_.full()) return {.warming_up = true};
    if (probability_ && *probability_ < options_.probability)
      return {.stop = true, .rule = name, .statistic = probability_};
    return {.statistic = probability_};
  }

  /// Returns the largest number j of latest observations, among those in the window, in which a fall cannot
  /// be seen: \f$ P(\text{falling}) \f$ of these j alone, at least 3, is below the threshold, as dlib's
  /// `count_steps_without_decrease` does. Takes O(N) time.
  [[nodiscard]] std::size_t steps_without_decrease() const noexcept {
    std::size_t count = 0;
    double n = 0.0;
    double pivot = 0.0;
    detail::line_sums sums;
    window_.for_each_backwards([&](double value) {
      pivot = n == 0.0 ? value : pivot;
      sums.add(value - pivot, -n);
      n += 1.0;
      const std::optional<double> probability = falling(fit(n, sums));
      count = probability && *probability < options_.probability ? static_cast<std::size_t>(n) : count;
    });
    return count;
  }

  [[nodiscard]] const slope_test_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string window = std::to_string(options_.window);
    const verdict v = latest();
    if (v.warming_up)
      return "warming up: " + std::to_string(window_.count()) + " of " + window + " observations";
    if (!v.statistic)
      return "the slope of the last " + window + " observations is undefined: they are not finite";
    return "the last " + window + " observations are falling with a probability of " +
           brief_text(*v.statistic) + ", " + (v.stop ? "below " : "not below ") +
           brief_text(options_.probability);
  }

  /// Reports `probability`, that the loss is falling, which stops below the option of that name.
  void report(const report_visitor& visitor) const {
    visitor(
        {name, "probability", probability_, stop_bound{stop_bound::comparison::less, options_.probability}});
  }

  void reset() noexcept {
    window_.reset();
    probability_ = std::nullopt;
  }

  /// Loading throws `state_error` when the saved rule had other options.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.window_, self.probability_);
  }

 private:
  /// Returns which of the observations in order of size, from 0, is the largest that is kept.
  static std::size_t largest_kept(const slope_test_options& options) noexcept {
    return static_cast<std::size_t>(
        std::round(static_cast<double>(options.window - 1) * (1.0 - options.discard)));
  }

  static slope_test_options with_enough_left(const slope_test_options& options) {
    if (largest_kept(options) < 2) {
      detail::fail<std::invalid_argument>("slope_test: discard must leave at least 3 observations, not " +
                                          std::to_string(largest_kept(options) + 1) + " of " +
                                          std::to_string(options.window));
    }
    return options;
  }

  static std::optional<double> falling(const std::optional<line_fit>& line) noexcept {
    if (!line) return std::nullopt;
    // 0/0 is a level line through equal observations.
    const double errors = line->slope == 0.0 ? 0.0 : line->slope / line->standard_error;
    return 0.5 * std::erfc(errors / std::numbers::sqrt2);
  }

  /// Returns the line through n observations with indices 0, -1, …, 1 - n.
  static std::optional<line_fit> fit(double n, const detail::line_sums& sums) noexcept {
    return line_fit::of(n, sums.sum_of_squares - sums.sum * sums.sum / n,
                        sums.sum_of_products + 0.5 * (n - 1.0) * sums.sum);
  }

  /// Fits the line without the largest observations. Precondition: the window is full, and finite.
  std::optional<line_fit> fit_without_largest() noexcept {
    auto end = by_size_.begin();
    window_.for_each_backwards([&end](double value) { *end++ = value; });
    const auto largest = by_size_.begin() + static_cast<std::ptrdiff_t>(largest_kept(options_));
    std::nth_element(by_size_.begin(), largest, by_size_.end(), detail::is_less);
    double n = 0.0;
    detail::line_sums sums;
    window_.for_each_backwards([&](double value) {
      if (value <= *largest) {
        sums.add(value - *largest, -n);
        n += 1.0;
      }
    });
    return fit(n, sums);
  }

  slope_test_options options_;
  detail::rolling_line window_;
  std::vector<double> by_size_;  // room for the window in another order
  std::optional<double> probability_;
};

static_assert(criterion<slope_test>);

}  // namespace dvar::inline v0_2
