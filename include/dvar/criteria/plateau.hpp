#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/delta_scale.hpp>
#include <dvar/criteria/direction.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/detail/windowed_sum.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// Settings of `plateau`.
struct plateau_options {
  /// N: how many of the latest observations are compared with as many before them; at least 1.
  std::size_t window = 100;
  /// Stop when the progress is not above this; finite, at least 0.
  double tolerance = 0.0;
  /// What `tolerance` is measured in.
  delta_scale scale = delta_scale::absolute;
};

/// Stops when the mean over a window is no longer better than that over the window before it.
///
/// \f[ p_n = \pm \frac{1}{N} \Bigl( \sum_{i=n-2N+1}^{n-N} x_i - \sum_{i=n-N+1}^{n} x_i \Bigr)
///         = \pm \frac{1}{N} \sum_{i=n-N+1}^{n} (x_{i-N} - x_i) \le \tau, \quad n \ge 2N, \f]
///
/// plus when minimizing, minus when maximizing. If the tolerance \f$ \tau \f$ is relative, \f$ p_n \f$ is
/// divided by the absolute value of the former mean. The statistic is \f$ p_n \f$ so divided: how much was
/// gained, per window, negative when it got worse.
///
/// What to expect:
/// - fewer than 2N observations: `warming_up`, no statistic; 2N is the earliest stop;
/// - equal observations only: \f$ p_n \f$ is exactly 0, so the rule stops at 2N with any tolerance;
/// - a linear trend of slope -b, minimizing: \f$ p_n = b N \f$, so the rule goes on for ever while that is
///   above the tolerance;
/// - noise of standard deviation s around such a trend: \f$ p_n \f$ has the standard deviation
///   \f$ s \sqrt{2/N} \f$, and where b N is not far above that plus the tolerance, chance stops the rule. On
///   flat noise with tolerance 0 it does so half of the time at any observation;
/// - a spike shifts \f$ p_n \f$ by its size over N, one way while it is in the newer window and the other way
///   in the older one;
/// - a NaN or an infinity: no statistic and no stop while it is in either window, and no trace afterwards;
///   likewise where a sum is beyond the range of double, or where the former mean of a relative tolerance is
///   0.
///
/// Differences are taken before they are added up, so that a large common offset costs no precision. Memory
/// for 5N values, taken by the constructor. Not latched.
class plateau {
 public:
  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit plateau(direction better, const plateau_options& options = {})
      : better_(better),
        options_(checked(options)),
        ring_(options.window),
        former_(options.window),
        gains_(options.window) {}

  /// Constant time on average, O(N) once in N observations; never allocates, never throws.
  verdict observe(double value) noexcept {
    double& oldest = ring_[count_ % ring_.size()];
    if (count_ >= ring_.size()) {
      former_.add(oldest);
      gains_.add(gain(better_, oldest, value));
    }
    oldest = value;
    ++count_;
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (!gains_.full()) return {.warming_up = true};
    const std::optional<double> gained = progress();
    const bool stop = gained && *gained <= options_.tolerance;
    return {.stop = stop, .reason = stop ? "plateau" : "", .statistic = gained};
  }

  /// \f$ p_n \f$, divided by the absolute former mean if the tolerance is relative; no value while warming up
  /// or where it is undefined.
  [[nodiscard]] std::optional<double> progress() const noexcept {
    if (!gains_.full()) return std::nullopt;
    const double divisor = options_.scale == delta_scale::absolute ? static_cast<double>(options_.window)
                                                                   : std::abs(former_.sum());
    const double gained = gains_.sum() / divisor;
    return std::isfinite(gained) && std::isfinite(divisor) ? std::optional(gained) : std::nullopt;
  }

  [[nodiscard]] direction better() const noexcept { return better_; }
  [[nodiscard]] const plateau_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string window = std::to_string(options_.window);
    const std::string observation = std::to_string(count_);
    if (!gains_.full()) return "warming up: " + observation + " of two times " + window + " observations";
    const std::optional<double> gained = progress();
    if (!gained)
      return "the progress over " + window + " observations is undefined at observation " + observation;
    return "the mean of the last " + window + " observations is better by " + detail::brief_text(*gained) +
           (options_.scale == delta_scale::relative ? " of the mean" : "") + " than that of the " + window +
           " before, " + (*gained <= options_.tolerance ? "not above " : "above ") +
           detail::brief_text(options_.tolerance) + ", at observation " + observation;
  }

  void reset() noexcept {
    std::fill(ring_.begin(), ring_.end(), 0.0);
    former_.reset();
    gains_.reset();
    count_ = 0;
  }

  void save(state_writer& out) const {
    out.section("plateau", 1);
    out.write_count(static_cast<std::uint64_t>(better_));
    out.write_count(options_.window);
    out.write_real(options_.tolerance);
    out.write_count(static_cast<std::uint64_t>(options_.scale));
    out.write_reals(ring_);
    former_.save(out);
    gains_.save(out);
    out.write_count(count_);
  }

  /// Throws `state_error` when the saved rule had other options or another direction.
  void load(state_reader& in) {
    in.section("plateau", 1);
    in.expect_count(static_cast<std::uint64_t>(better_), "plateau's direction");
    in.expect_count(options_.window, "plateau's window");
    in.expect_real(options_.tolerance, "plateau's tolerance");
    in.expect_count(static_cast<std::uint64_t>(options_.scale), "the scale of plateau's tolerance");
    in.read_reals(ring_);
    former_.load(in);
    gains_.load(in);
    count_ = in.read_count();
  }

 private:
  static plateau_options checked(const plateau_options& options) {
    if (options.window == 0) detail::fail<std::invalid_argument>("plateau: window must be at least 1, not 0");
    if (!(options.tolerance >= 0.0 && std::isfinite(options.tolerance))) {
      detail::fail<std::invalid_argument>("plateau: tolerance must be finite and at least 0, not " +
                                          detail::shortest_text(options.tolerance));
    }
    return options;
  }

  direction better_;
  plateau_options options_;
  std::vector<double> ring_;
  detail::windowed_sum former_;
  detail::windowed_sum gains_;  // of each of the last N observations on the one N before it
  std::uint64_t count_ = 0;
};

static_assert(criterion<plateau>);

}  // namespace dvar
