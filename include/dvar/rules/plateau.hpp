#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/delta_scale.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/detail/windowed_sum.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/direction.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `plateau`.
struct plateau_options {
  /// Says how many of the latest observations are compared with as many before them: N.
  std::size_t window = 100;
  /// Stops when the progress is not above this.
  double tolerance = 0.0;
  /// Says what `tolerance` is measured in.
  delta_scale scale = delta_scale::absolute;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = plateau_options;
    return std::tuple{field{&self::window, "window", at_least(1),
                            "N: how many of the latest observations are compared with as many before them"},
                      field{&self::tolerance, "tolerance", finite().at_least(0.0),
                            "stop when the progress is not above this"},
                      field{&self::scale, "scale", "what tolerance is measured in"}};
  }
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
/// Differences are taken before they are added up, so that a large common offset costs no precision. The
/// constructor takes memory for 5N values. The rule is not latched.
class plateau {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "plateau";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the mean over a window is no longer better than that over the window before it";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit plateau(direction better, const plateau_options& options = {})
      : better_(better),
        options_(checked(name, options)),
        ring_(options.window),
        former_(options.window),
        gains_(options.window) {}

  /// Takes constant time on average, O(N) once in N observations; never allocates, never throws.
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
    return {.stop = stop, .rule = stop ? name : "", .statistic = gained};
  }

  /// Returns \f$ p_n \f$, divided by the absolute former mean if the tolerance is relative, or no value while
  /// warming up or where it is undefined.
  [[nodiscard]] std::optional<double> progress() const noexcept {
    if (!gains_.full()) return std::nullopt;
    const double divisor = options_.scale == delta_scale::absolute ? static_cast<double>(options_.window)
                                                                   : std::abs(former_.sum());
    const double gained = gains_.sum() / divisor;
    return detail::is_finite(gained) && detail::is_finite(divisor) ? std::optional(gained) : std::nullopt;
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
    return "the mean of the last " + window + " observations is better by " + brief_text(*gained) +
           (options_.scale == delta_scale::relative ? " of the mean" : "") + " than that of the " + window +
           " before, " + (*gained <= options_.tolerance ? "not above " : "above ") +
           brief_text(options_.tolerance) + ", at observation " + observation;
  }

  /// Reports `progress`, which stops at the tolerance or below.
  void report(const report_visitor& visitor) const {
    visitor(
        {name, "progress", progress(), stop_bound{stop_bound::comparison::less_equal, options_.tolerance}});
  }

  void reset() noexcept {
    std::fill(ring_.begin(), ring_.end(), 0.0);
    former_.reset();
    gains_.reset();
    count_ = 0;
  }

  /// Loading throws `state_error` when the saved rule had other options or another direction.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    archive.same(self.better_, "plateau's direction");
    same_options(archive, name, self.options_);
    archive(self.ring_, self.former_, self.gains_, self.count_);
  }

 private:
  direction better_;
  plateau_options options_;
  std::vector<double> ring_;
  detail::windowed_sum former_;
  detail::windowed_sum gains_;  // of each of the last N observations on the one N before it
  std::uint64_t count_ = 0;
};

static_assert(criterion<plateau>);

}  // namespace dvar::inline v0_2
