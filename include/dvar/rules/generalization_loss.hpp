#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/best_value.hpp>
#include <dvar/statistics/direction.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `generalization_loss`.
struct generalization_loss_options {
  /// Stops when the generalization loss, in percent, is above this.
  double alpha = 2.0;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = generalization_loss_options;
    return std::tuple{field{&self::alpha, "alpha", finite().at_least(0.0),
                            "stop when the generalization loss, in percent, is above this"}};
  }
};

/// Stops when the latest value is too much worse than the best so far: \f$ GL_\alpha \f$ of Prechelt, "Early
/// Stopping - But When?" (1998).
///
/// \f[ GL(t) = 100 \left( \frac{E(t)}{E_{opt}(t)} - 1 \right) > \alpha, \qquad
///     E_{opt}(t) = \min_{t' \le t} E(t') \f]
///
/// when minimizing, as in the paper, with the default of EarlyStopping.jl's `GL`. When maximizing, it is the
/// mirror image: the percentage by which \f$ E(t) \f$ is below the greatest value so far,
/// \f$ 100 (1 - E(t) / E_{opt}(t)) \f$.
///
/// The statistic is \f$ GL(t) \f$, 0 or greater. It is meant for errors and scores that are positive: while the
/// best is 0, negative or infinite there is none, and no stop. A NaN has none either and never becomes the
/// best. Infinitely worse is infinitely much and stops. Equal values have exactly 0. The alpha is in percent of
/// the best value, so noise of that size around a flat line stops the rule.
///
/// Takes constant time and memory; judges from the first observation, at which the loss is 0. The rule is not
/// latched.
class generalization_loss {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "generalization_loss";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the latest value is too much worse than the best so far";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit generalization_loss(direction better, const generalization_loss_options& options = {})
      : options_(checked(name, options)), best_(better) {}

  verdict observe(double value) noexcept {
    best_.observe(value);
    latest_ = value;
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    const std::optional<double> percent = loss();
    const bool stop = percent && *percent > options_.alpha;
    return {.stop = stop, .rule = stop ? name : "", .statistic = percent};
  }

  /// Returns \f$ GL(t) \f$ in percent, or no value before the first observation, at a NaN, or while the best
  /// value is not positive and finite.
  [[nodiscard]] std::optional<double> loss() const noexcept {
    const std::optional<double> best = best_.value();
    if (!best || !(*best > 0.0) || detail::is_infinite(*best) || detail::is_nan(latest_)) return std::nullopt;
    return 100.0 * (gain(best_.better(), latest_, *best) / *best);
  }

  [[nodiscard]] const best_value& best() const noexcept { return best_; }
  [[nodiscard]] direction better() const noexcept { return best_.better(); }
  [[nodiscard]] const generalization_loss_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string observation = std::to_string(best_.count());
    const std::optional<double> percent = loss();
    if (!percent) return "the generalization loss is undefined at observation " + observation;
    return "observation " + observation + " is " + brief_text(*percent) +
           " % worse than the best, observation " + std::to_string(*best_.observation()) + ": " +
           (*percent > options_.alpha ? "above " : "not above ") + brief_text(options_.alpha) + " %";
  }

  void reset() noexcept {
    best_.reset();
    latest_ = 0.0;
  }

  /// Reports `best` and `generalization_loss`.
  void report(const report_visitor& visitor) const {
    visitor({name, "best", best_.value()});
    visitor(
        {name, "generalization_loss", loss(), stop_bound{stop_bound::comparison::greater, options_.alpha}});
  }

  /// Loading throws `state_error` when the saved rule had another alpha or direction.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.best_, self.latest_);
  }

 private:
  generalization_loss_options options_;
  best_value best_;
  double latest_ = 0.0;
};

static_assert(criterion<generalization_loss>);

}  // namespace dvar::inline v0_2
