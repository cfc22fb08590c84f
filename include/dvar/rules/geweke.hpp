#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/detail/rolling_line.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `geweke`.
struct geweke_options {
  /// Says how many of the latest observations are compared: N.
  std::size_t window = 310;
  /// Gives the share of the window that is its beginning; rounded down, at least 2 observations.
  double first = 0.1;
  /// Gives the share of the window that is its end, likewise.
  double last = 0.5;
  /// Stops when |z| is below this. 1.96 is exceeded by chance once in twenty.
  double threshold = 1.96;

  /// Lists the options by their names. The shares are together at most 1.
  static constexpr auto fields() {
    using self = geweke_options;
    return std::tuple{
        field{&self::window, "window", at_least(4), "N: how many of the latest observations are compared"},
        field{&self::first, "first", above(0.0).below(1.0), "the share of the window that is its beginning"},
        field{&self::last, "last", above(0.0).below(1.0), "the share of the window that is its end"},
        field{&self::threshold, "threshold", above(0.0), "stop when |z| is below this"}};
  }
};

/// Stops when the beginning and the end of the latest N observations have the same mean, as far as their noise
/// lets that be seen.
///
/// \f[ z = \frac{\bar x_a - \bar x_b}{\sqrt{s_a^2 / n_a + s_b^2 / n_b}}, \quad |z| < z_0 \f]
/// with a the first 10 % and b the last 50 % of the window: the convergence diagnostic for Markov chains of
/// J. Geweke (Bayesian Statistics 4, 1992), with CODA's default shares. The variances are the plain sample
/// variances (ddof 1), not spectral densities at 0 as in Geweke's article and CODA: z is Welch's t. Noise
/// with positive autocorrelation makes |z| too large, so the rule then stops late rather than early.
///
/// What to expect:
/// - fewer than N observations: `warming_up`;
/// - flat noise: stops at once, with a probability of 95 % an observation at 1.96: a run that begins converged
///   is recognized;
/// - both parts without variance: no statistic, no stop, whether their means are equal or not;
/// - a NaN or an infinity in one of the parts: no statistic, no stop; no trace of it afterwards;
/// - a loss that falls more slowly than a window of this length can tell from noise: stops. So does a wave
///   whose two parts happen to have one mean.
///
/// Takes constant time an observation on average, O(N) at worst; never allocates after construction.
class geweke {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "geweke";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the beginning and the end of the latest observations have the same mean";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit geweke(const geweke_options& options = {})
      : options_(checked_parts(checked(name, options))),
        delayed_(options.window - part(options, options.first)),
        first_(part(options, options.first)),
        last_(part(options, options.last)) {}

  verdict observe(double value) noexcept {
    if (delay_over_) first_.observe(delayed_[position_]);
    delayed_[position_] = value;
    last_.observe(value);
    if (++position_ == delayed_.size()) {
      position_ = 0;
      delay_over_ = true;
    }
    judge();
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (!first_.full()) return {.warming_up = true};
    if (z_ && std::abs(*z_) < options_.threshold) return {.stop = true, .rule = name, .statistic = z_};
    return {.statistic = z_};
  }

  /// Returns z, or no value while warming up or while a part is not finite or neither has a variance.
  [[nodiscard]] std::optional<double> z() const noexcept { return z_; }

  [[nodiscard]] const geweke_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const verdict v = latest();
    if (v.warming_up) return "warming up: fewer than " + std::to_string(options_.window) + " observations";
    const std::string parts = "the means of the first " + std::to_string(first_.window()) + " and the last " +
                              std::to_string(last_.window()) + " of the last " +
                              std::to_string(options_.window) + " observations";
    if (!v.statistic) return parts + " cannot be compared: they have no variance or are not finite";
    return parts + " are " + brief_text(*v.statistic) + " standard errors apart, " +
           (v.stop ? "less than " : "not less than ") + brief_text(options_.threshold);
  }

  void reset() noexcept {
    std::fill(delayed_.begin(), delayed_.end(), 0.0);
    position_ = 0;
    delay_over_ = false;
    first_.reset();
    last_.reset();
    z_ = std::nullopt;
  }

  /// Reports `z`, and `abs_z`, which stops below the threshold.
  void report(const report_visitor& visitor) const {
    visitor({name, "z", z_});
    visitor({name, "abs_z", z_ ? std::optional(std::abs(*z_)) : std::nullopt,
             stop_bound{stop_bound::comparison::less, options_.threshold}});
  }

  /// Loading throws `state_error` when the saved rule had other options.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.delayed_, self.position_, self.delay_over_, self.first_, self.last_);
    if constexpr (is_loading<decltype(archive)>) {
      if (self.position_ >= self.delayed_.size())
        detail::fail<state_error>("saved state: geweke's position is outside its window");
      self.judge();
    }
  }

 private:
  static std::size_t part(const geweke_options& options, double share) noexcept {
    return static_cast<std::size_t>(share * static_cast<double>(options.window));
  }

  static geweke_options checked_parts(const geweke_options& options) {
    if (options.first + options.last > 1.0) {
      detail::fail<std::invalid_argument>("geweke: first and last must together be at most 1, not " +
                                          shortest_text(options.first) + " and " +
                                          shortest_text(options.last));
    }
    if (part(options, options.first) < 2 || part(options, options.last) < 2) {
      detail::fail<std::invalid_argument>("geweke: both parts must have at least 2 observations, not " +
                                          std::to_string(part(options, options.first)) + " and " +
                                          std::to_string(part(options, options.last)) + " of " +
                                          std::to_string(options.window));
    }
    return options;
  }

  /// Evaluates z, once for an observation.
  void judge() noexcept {
    z_ = std::nullopt;
    if (!first_.full()) return;
    const auto a = first_.summarize();
    const auto b = last_.summarize();
    const double difference = ((a.pivot - b.pivot) + a.offset) - b.offset;
    const double z = difference / std::sqrt(squared_error(first_, a) + squared_error(last_, b));
    if (detail::is_finite(z)) z_ = z;
  }

  /// Returns the squared standard error of the mean of one part.
  static double squared_error(const detail::rolling_line& part,
                              const detail::rolling_line::summary& sums) noexcept {
    const auto n = static_cast<double>(part.window());
    return sums.sum_of_squares / ((n - 1.0) * n);
  }

  geweke_options options_;
  std::vector<double> delayed_;  // what has yet to enter the first part, in a ring
  std::size_t position_ = 0;
  bool delay_over_ = false;
  detail::rolling_line first_;
  detail::rolling_line last_;
  std::optional<double> z_;
};

static_assert(criterion<geweke>);

}  // namespace dvar::inline v0_2
