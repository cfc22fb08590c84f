#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/vector_criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/detail/student_t.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Returns \f$ \Delta = \langle x, d \rangle - \frac{\alpha}{2} \lVert d \rVert^2 \f$ of a step
/// \f$ x' = x - \alpha d \f$: half of what the step takes from \f$ \lVert x \rVert^2 \f$, over the rate. Its
/// mean is 0 when the steps have reached a stationary distribution. Precondition: both have as many
/// components.
template <real_vector Parameters, real_vector Direction>
double sasa_statistic(const Parameters& parameters, const Direction& direction, double rate) noexcept {
  const auto* const x = std::ranges::data(parameters);
  const auto* const d = std::ranges::data(direction);
  double sum = 0.0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::ranges::size(parameters)); ++i) {
    const auto step = static_cast<double>(d[i]);
    sum += step * (static_cast<double>(x[i]) - 0.5 * rate * step);
  }
  return sum;
}

/// Holds the settings of `sasa`.
struct sasa_options {
  /// Says how many batch means the test has.
  std::size_t batches = 32;
  /// Says how many observations a batch is the mean of: enough for batches not to be correlated.
  std::size_t batch_length = 32;
  /// Stops when the p-value is above this.
  double significance = 0.05;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = sasa_options;
    return std::tuple{field{&self::batches, "batches", at_least(2), "how many batch means the test has"},
                      field{&self::batch_length, "batch_length", at_least(1),
                            "how many observations a batch is the mean of"},
                      field{&self::significance, "significance", above(0.0).below(1.0),
                            "stop when the p-value is above this"}};
  }
};

/// Stops when a quantity that has mean 0 at stationarity can no longer be told from 0: show it
/// `sasa_statistic(parameters, direction, rate)` of each step.
///
/// With the means \f$ Y_j \f$ of the latest b full batches of m observations,
/// \f[ T = \frac{\bar Y}{\hat\sigma / \sqrt{b m}}, \quad
///     \hat\sigma^2 = \frac{m}{b - 1} \sum_j (Y_j - \bar Y)^2 , \f]
/// and p is the probability of a |T| as large or larger under Student's t with b - 1 degrees of freedom.
/// Above the significance \f$ \delta \f$, 0 lies in the confidence interval
/// \f$ \bar Y \pm t_{1-\delta/2} \hat\sigma / \sqrt{bm} \f$: the test of SASA+ (P. Zhang, H. Lang, Q. Liu and
/// L. Xiao, Statistical Adaptive Stochastic Gradient Methods, arXiv 2002.10597), which drops its learning
/// rate there. The batch means are those of its authors' program (microsoft/statopt, `LeakyBucket` with
/// `mode='bm'`), over a window of fixed length where that keeps the latest eighth of the history, and without its
/// further condition on the two halves of the window. As it is released, that program's optimizers test by
/// overlapping batch means and never take this branch.
///
/// The verdict changes when a batch is full, every m observations.
///
/// What to expect:
/// - fewer than b full batches: `warming_up`;
/// - batch means that are all equal: p = 0 and no stop, or, all 0, no statistic;
/// - a NaN or an infinity: no statistic while its batch is among the last b; no trace of it afterwards;
/// - on the way, where the mean crosses 0: stops though nothing is stationary;
/// - the direction must be that of the step, with momentum and weight decay, and the rate constant: neither
///   Adam's steps nor a schedule satisfy the condition.
///
/// Takes constant time an observation, O(b) at the end of a batch; never allocates after construction.
class sasa {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "sasa";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when a quantity that has mean 0 at stationarity can no longer be told from 0";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit sasa(const sasa_options& options = {})
      : options_(checked(name, options)), means_(options.batches) {}

  verdict observe(double value) noexcept {
    sum_ += value;
    if (++filled_ == options_.batch_length) {
      means_[static_cast<std::size_t>(closed_ % means_.size())] =
          sum_ / static_cast<double>(options_.batch_length);
      ++closed_;
      filled_ = 0;
      sum_ = 0.0;
      if (closed_ >= means_.size()) p_value_ = test();
    }
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (closed_ < means_.size()) return {.warming_up = true};
    const bool stop = p_value_ > options_.significance;
    return {.stop = stop, .rule = stop ? name : "", .statistic = p_value()};
  }

  [[nodiscard]] const sasa_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string batches = std::to_string(options_.batches);
    const verdict v = latest();
    if (v.warming_up) return "warming up: " + std::to_string(closed_) + " of " + batches + " batches";
    if (!v.statistic) return "the means of the last " + batches + " batches are all 0 or not finite";
    return "the means of the last " + batches + " batches differ from 0 with a p-value of " +
           brief_text(*v.statistic) + ", " + (v.stop ? "above " : "not above ") +
           brief_text(options_.significance);
  }

  /// Reports `p_value`, which stops above the significance.
  void report(const report_visitor& visitor) const {
    visitor({name, "p_value", p_value(), stop_bound{stop_bound::comparison::greater, options_.significance}});
  }

  void reset() noexcept {
    std::fill(means_.begin(), means_.end(), 0.0);
    sum_ = 0.0;
    filled_ = 0;
    closed_ = 0;
    p_value_ = undefined;
  }

  /// Loading throws `state_error` when the saved rule had other options.
  static void state(auto& self, auto& archive) {
    archive.section(name, 2);
    same_options(archive, name, self.options_);
    archive(self.means_, self.sum_, self.filled_, self.closed_, self.p_value_);
    if constexpr (is_loading<decltype(archive)>) {
      if (self.filled_ >= self.options_.batch_length)
        detail::fail<state_error>("saved state: sasa's position is outside its batch");
    }
  }

 private:
  /// Stands for a p-value that there is not: less than any, so that it is not above the significance.
  static constexpr double undefined = -1.0;

  [[nodiscard]] std::optional<double> p_value() const noexcept {
    return p_value_ >= 0.0 ? std::optional(p_value_) : std::nullopt;
  }

  [[nodiscard]] double test() const noexcept {
    const auto b = static_cast<double>(means_.size());
    double mean = 0.0;
    for (const double y : means_)
      mean += y / b;
    double squares = 0.0;
    for (const double y : means_)
      squares += (y - mean) * (y - mean);
    if (!detail::is_finite(squares) || (mean == 0.0 && squares == 0.0)) return undefined;
    // A mean without any noise gives an infinite t.
    return detail::student_t_two_sided(mean / std::sqrt(squares / (b * (b - 1.0))), b - 1.0);
  }

  sasa_options options_;
  std::vector<double> means_;  // of the latest full batches, in a ring
  double sum_ = 0.0;           // of the batch that is being filled
  std::size_t filled_ = 0;
  std::uint64_t closed_ = 0;
  double p_value_ = undefined;
};

static_assert(criterion<sasa>);

}  // namespace dvar::inline v0_2
