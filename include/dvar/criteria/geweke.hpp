#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/detail/rolling_line.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// Settings of `geweke`.
struct geweke_options {
  /// N: how many of the latest observations are compared.
  std::size_t window = 310;
  /// The share of the window that is its beginning; rounded down, at least 2 observations.
  double first = 0.1;
  /// The share of the window that is its end, likewise; together with `first` at most 1.
  double last = 0.5;
  /// Stop when |z| is below this; above 0. 1.96 is exceeded by chance once in twenty.
  double threshold = 1.96;
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
///   is recognised;
/// - both parts without variance: no statistic, no stop, whether their means are equal or not;
/// - a NaN or an infinity in one of the parts: no statistic, no stop; no trace of it afterwards;
/// - a loss that falls more slowly than a window of this length can tell from noise: stops. So does a wave
///   whose two parts happen to have one mean.
///
/// Constant time an observation on average, O(N) at worst; never allocates after construction.
class geweke {
 public:
  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit geweke(const geweke_options& options = {})
      : options_(checked(options)),
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
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (!first_.full()) return {.warming_up = true};
    const auto a = first_.summarise();
    const auto b = last_.summarise();
    const double difference = ((a.pivot - b.pivot) + a.offset) - b.offset;
    const double z = difference / std::sqrt(squared_error(first_, a) + squared_error(last_, b));
    if (!std::isfinite(z)) return {};
    if (std::abs(z) < options_.threshold) return {.stop = true, .reason = "geweke", .statistic = z};
    return {.statistic = z};
  }

  [[nodiscard]] const geweke_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const verdict v = latest();
    if (v.warming_up) return "warming up: fewer than " + std::to_string(options_.window) + " observations";
    const std::string parts = "the means of the first " + std::to_string(first_.window()) + " and the last " +
                              std::to_string(last_.window()) + " of the last " +
                              std::to_string(options_.window) + " observations";
    if (!v.statistic) return parts + " cannot be compared: they have no variance or are not finite";
    return parts + " are " + detail::brief_text(*v.statistic) + " standard errors apart, " +
           (v.stop ? "less than " : "not less than ") + detail::brief_text(options_.threshold);
  }

  void reset() noexcept {
    std::fill(delayed_.begin(), delayed_.end(), 0.0);
    position_ = 0;
    delay_over_ = false;
    first_.reset();
    last_.reset();
  }

  void save(state_writer& out) const {
    out.section("geweke", 1);
    out.write_count(options_.window);
    out.write_real(options_.first);
    out.write_real(options_.last);
    out.write_real(options_.threshold);
    out.write_reals(delayed_);
    out.write_count(position_);
    out.write_flag(delay_over_);
    first_.save(out);
    last_.save(out);
  }

  /// Throws `state_error` when the saved rule had other options.
  void load(state_reader& in) {
    in.section("geweke", 1);
    in.expect_count(options_.window, "geweke's window");
    in.expect_real(options_.first, "geweke's first share");
    in.expect_real(options_.last, "geweke's last share");
    in.expect_real(options_.threshold, "geweke's threshold");
    in.read_reals(delayed_);
    position_ = static_cast<std::size_t>(in.read_count());
    delay_over_ = in.read_flag();
    first_.load(in);
    last_.load(in);
    if (position_ >= delayed_.size())
      detail::fail<state_error>("saved state: geweke's position is outside its window");
  }

 private:
  static std::size_t part(const geweke_options& options, double share) noexcept {
    return static_cast<std::size_t>(share * static_cast<double>(options.window));
  }

  static geweke_options checked(const geweke_options& options) {
    if (!(options.first > 0.0 && options.last > 0.0 && options.first + options.last <= 1.0)) {
      detail::fail<std::invalid_argument>(
          "geweke: first and last must be above 0 and together at most 1, not " +
          detail::shortest_text(options.first) + " and " + detail::shortest_text(options.last));
    }
    if (part(options, options.first) < 2 || part(options, options.last) < 2) {
      detail::fail<std::invalid_argument>("geweke: both parts must have at least 2 observations, not " +
                                          std::to_string(part(options, options.first)) + " and " +
                                          std::to_string(part(options, options.last)) + " of " +
                                          std::to_string(options.window));
    }
    if (!(options.threshold > 0.0)) {
      detail::fail<std::invalid_argument>("geweke: threshold must be above 0, not " +
                                          detail::shortest_text(options.threshold));
    }
    return options;
  }

  /// Of the mean of one part.
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
};

static_assert(criterion<geweke>);

}  // namespace dvar
