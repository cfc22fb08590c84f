#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/line_sums.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/detail/rolling_line.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/line_fit.hpp>

namespace dvar {

/// Settings of `slope_test`.
struct slope_test_options {
  /// N: how many of the latest observations the line goes through.
  std::size_t window = 310;
  /// Stop when the loss is falling with a probability below this; above 0, below 1.
  double probability = 0.51;
  /// The share of the largest observations that a second look leaves out; from 0, which takes no second look,
  /// to below 1. At least 3 observations must be left.
  double discard = 0.1;
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
/// fits by recursive least squares from a weak prior, 1e-6 an unknown; here there is none.
///
/// What to expect:
/// - fewer than N observations: `warming_up`;
/// - flat noise: P(falling) is uniform on (0, 1), so about every second window stops: a run that begins
///   converged is recognised at once;
/// - equal observations: 1/2, and with the default it stops;
/// - a falling line: 1, with any slope; it goes on for as long as that can be told from noise;
/// - a NaN or an infinity among the last N: no statistic, no stop; no trace of it afterwards;
/// - noise with positive autocorrelation counts for more than it is: a slow wave stops it in its trough or
///   keeps it running.
///
/// Constant time an observation on average while the loss is falling, O(N) where the second look is taken;
/// never allocates after construction.
class slope_test {
 public:
  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit slope_test(const slope_test_options& options = {})
      : options_(checked(options)), window_(options.window), by_size_(options.window) {}

  verdict observe(double value) noexcept {
    window_.observe(value);
    probability_ = std::nullopt;
    if (window_.full()) {
      const auto sums = window_.summarise();
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
      return {.stop = true, .reason = "slope_test", .statistic = probability_};
    return {.statistic = probability_};
  }

  /// The largest number j of latest observations, among those in the window, in which a fall cannot be seen:
  /// \f$ P(\text{falling}) \f$ of these j alone, at least 3, is below the threshold. dlib's
  /// `count_steps_without_decrease`. O(N).
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
           detail::brief_text(*v.statistic) + ", " + (v.stop ? "below " : "not below ") +
           detail::brief_text(options_.probability);
  }

  void reset() noexcept {
    window_.reset();
    probability_ = std::nullopt;
  }

  void save(state_writer& out) const {
    out.section("slope_test", 1);
    out.write_count(options_.window);
    out.write_real(options_.probability);
    out.write_real(options_.discard);
    window_.save(out);
    out.write_optional(probability_);
  }

  /// Throws `state_error` when the saved rule had other options.
  void load(state_reader& in) {
    in.section("slope_test", 1);
    in.expect_count(options_.window, "slope_test's window");
    in.expect_real(options_.probability, "slope_test's probability");
    in.expect_real(options_.discard, "slope_test's discard");
    window_.load(in);
    probability_ = in.read_optional();
  }

 private:
  /// Which of the observations in order of size, from 0, is the largest that is kept.
  static std::size_t largest_kept(const slope_test_options& options) noexcept {
    return static_cast<std::size_t>(
        std::round(static_cast<double>(options.window - 1) * (1.0 - options.discard)));
  }

  static slope_test_options checked(const slope_test_options& options) {
    if (options.window < 3) {
      detail::fail<std::invalid_argument>("slope_test: window must be at least 3, not " +
                                          std::to_string(options.window));
    }
    if (!(options.probability > 0.0 && options.probability < 1.0)) {
      detail::fail<std::invalid_argument>("slope_test: probability must be above 0 and below 1, not " +
                                          detail::shortest_text(options.probability));
    }
    if (!(options.discard >= 0.0 && options.discard < 1.0)) {
      detail::fail<std::invalid_argument>("slope_test: discard must be from 0 to below 1, not " +
                                          detail::shortest_text(options.discard));
    }
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

  /// The line through n observations with indices 0, -1, …, 1 - n.
  static std::optional<line_fit> fit(double n, const detail::line_sums& sums) noexcept {
    return line_fit::of(n, sums.sum_of_squares - sums.sum * sums.sum / n,
                        sums.sum_of_products + 0.5 * (n - 1.0) * sums.sum);
  }

  /// Precondition: the window is full, and finite.
  std::optional<line_fit> fit_without_largest() noexcept {
    auto end = by_size_.begin();
    window_.for_each_backwards([&end](double value) { *end++ = value; });
    const auto largest = by_size_.begin() + static_cast<std::ptrdiff_t>(largest_kept(options_));
    std::nth_element(by_size_.begin(), largest, by_size_.end());
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

}  // namespace dvar
