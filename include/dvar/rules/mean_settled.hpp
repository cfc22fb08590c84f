#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/mean_error.hpp>
#include <dvar/statistics/rolling_mean_error.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `mean_settled`.
struct mean_settled_options {
  /// Says how many of the latest observations have their mean compared with that of as many before them: N.
  std::size_t window = 500;
  /// Judges only where either mean is as sure as that of this many independent observations.
  double effective_samples = 50.0;
  /// Stops when the means are fewer standard errors apart than this. 1.96 is exceeded by chance once in twenty.
  double threshold = 1.96;
  /// Judges once in so many observations.
  std::size_t stride = 10;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = mean_settled_options;
    return std::tuple{field{&self::window, "window", at_least(8),
                            "N: how many of the latest observations are compared with as many before them"},
                      field{&self::effective_samples, "effective_samples", above(0.0).finite(),
                            "the least effective sample size of either mean"},
                      field{&self::threshold, "threshold", above(0.0),
                            "stop when the means are fewer standard errors apart"},
                      field{&self::stride, "stride", at_least(1), "judge once in so many observations"}};
  }
};

/// Stops when the mean of the latest N observations differs from that of the N before by no more than their Monte Carlo
/// errors explain: for noisy losses whose neighbors are alike.
///
/// \f[ z = \frac{\bar x_a - \bar x_b}{\sqrt{\mathrm{MCSE}_a^2 + \mathrm{MCSE}_b^2}}, \quad
///     \min(\mathrm{ESS}_a, \mathrm{ESS}_b) \ge m, \quad |z| < z_0 \f]
/// with a the N observations before the last N, b the last N, and their effective sample sizes and Monte Carlo standard
/// errors as `mean_error_estimator` computes them. It is the diagnostic of J. Geweke (Bayesian Statistics 4, 1992) on
/// two adjoining windows, whose errors are those of the autocorrelated noise that there is. Below the least effective
/// sample size m, the errors are themselves unsure, and there is no z. A steep fall within a window looks like
/// autocorrelation and has a small effective sample size, too.
///
/// What to expect:
/// - fewer than 2N observations: `warming_up`;
/// - flat noise, autocorrelated or not: stops at once with a probability of about 95 % at 1.96, if N is long enough for
///   m;
/// - noise whose neighbors are so much alike that N observations are worth fewer than m: never stops, and says so;
/// - a loss that falls by less in N observations than about \f$ 2 s \sqrt{2 / \mathrm{ESS}} \f$, with noise of s: stops;
/// - both windows equal to one number: z is 0, stops; equal to two: no statistic, no stop;
/// - a NaN or an infinity in either window: no statistic, no stop, from the next judgment on; no
///   trace of it afterwards.
///
/// The verdict changes once in `stride` observations. The others take constant time; that one O(N) for each lag that is
/// correlated, O(N²) at worst. Never allocates after construction.
class mean_settled {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "mean_settled";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the mean of a window differs from that of the one before by no more than their Monte Carlo errors";

  /// Throws `std::invalid_argument` when an option is out of its range, or more effective samples are asked for than the
  /// window has observations.
  explicit mean_settled(const mean_settled_options& options = {})
      : options_(with_enough(checked(name, options))),
        older_(options.window),
        newer_(options.window),
        estimator_(options.window) {}

  verdict observe(double value) noexcept {
    if (newer_.full()) older_.observe(newer_.oldest());
    newer_.observe(value);
    if (older_.full()) {
      if (since_judged_ == 0) judge();
      since_judged_ = since_judged_ + 1 == options_.stride ? 0 : since_judged_ + 1;
    }
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (!older_.full()) return {.warming_up = true};
    if (z_ && std::abs(*z_) < options_.threshold) return {.stop = true, .rule = name, .statistic = z_};
    return {.statistic = z_};
  }

  /// Returns z as of the latest judgment, or no value while warming up, while an observation is not finite, or while
  /// either effective sample size is too small.
  [[nodiscard]] std::optional<double> z() const noexcept { return z_; }

  [[nodiscard]] const mean_settled_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const verdict v = latest();
    const std::string window = std::to_string(options_.window);
    if (v.warming_up)
      return "warming up: fewer than " + std::to_string(2 * options_.window) + " observations";
    if (!v.statistic && effective_sample_size_ && *effective_sample_size_ < options_.effective_samples)
      return "the means of " + window + " observations are as sure as those of " +
             brief_text(*effective_sample_size_) + " independent ones, fewer than " +
             brief_text(options_.effective_samples);
    if (!v.statistic)
      return "the means of the last " + window + " observations and of the " + window +
             " before cannot be compared: they have no variance or are not finite";
    return "the means of the last " + window + " observations and of the " + window + " before differ by " +
           brief_text(std::abs(*change_)) + ", " + brief_text(std::abs(*v.statistic)) + " standard errors, " +
           (v.stop ? "fewer than " : "not fewer than ") + brief_text(options_.threshold);
  }

  void reset() noexcept {
    older_.reset();
    newer_.reset();
    since_judged_ = 0;
    forget();
  }

  /// Reports as of the latest judgment `change`, by how much the later mean is above the former; `change_error`, its
  /// standard error; `effective_sample_size`, the smaller of the two; and `abs_z`, which stops below the threshold.
  void report(const report_visitor& visitor) const {
    visitor({name, "change", change_});
    visitor({name, "change_error", error_});
    visitor({name, "effective_sample_size", effective_sample_size_});
    visitor({name, "abs_z", z_ ? std::optional(std::abs(*z_)) : std::nullopt,
             stop_bound{stop_bound::comparison::less, options_.threshold}});
  }

  /// Loading throws `state_error` when the saved rule had other options.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.older_, self.newer_, self.since_judged_, self.change_, self.error_,
            self.effective_sample_size_, self.z_);
    if constexpr (is_loading<decltype(archive)>) {
      if (self.since_judged_ >= self.options_.stride)
        detail::fail<state_error>("saved state: mean_settled's position is outside its stride");
    }
  }

 private:
  static mean_settled_options with_enough(const mean_settled_options& options) {
    if (options.effective_samples > static_cast<double>(options.window)) {
      detail::fail<std::invalid_argument>("mean_settled: effective_samples must be at most window, not " +
                                          shortest_text(options.effective_samples) + " and " +
                                          std::to_string(options.window));
    }
    return options;
  }

  void forget() noexcept { change_ = error_ = effective_sample_size_ = z_ = std::nullopt; }

  /// Compares the windows as they are.
  void judge() noexcept {
    forget();
    const mean_error a = older_.estimate(estimator_);
    const mean_error b = newer_.estimate(estimator_);
    const auto known = [](const mean_error& each) {
      return each.mean && each.standard_error && each.effective_sample_size;
    };
    if (!known(a) || !known(b)) return;
    change_ = *b.mean - *a.mean;
    error_ = std::hypot(*a.standard_error, *b.standard_error);
    effective_sample_size_ = std::min(*a.effective_sample_size, *b.effective_sample_size);
    if (*effective_sample_size_ < options_.effective_samples) return;
    // Windows of one number have an error of 0: where they have the same, nothing is left to explain.
    const double z = *change_ == 0.0 ? 0.0 : *change_ / *error_;
    if (detail::is_finite(z)) z_ = z;
  }

  mean_settled_options options_;
  rolling_mean_error older_;
  rolling_mean_error newer_;
  mean_error_estimator estimator_;
  std::size_t since_judged_ = 0;  // observations since the latest judgment, modulo the stride
  std::optional<double> change_;
  std::optional<double> error_;
  std::optional<double> effective_sample_size_;
  std::optional<double> z_;
};

static_assert(criterion<mean_settled>);

}  // namespace dvar::inline v0_2
