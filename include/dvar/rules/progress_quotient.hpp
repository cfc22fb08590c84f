#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/options/field.hpp>
#include <dvar/rules/generalization_loss.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/best_value.hpp>
#include <dvar/statistics/direction.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `progress_quotient`.
struct progress_quotient_options {
  /// Stops when the quotient is above this.
  double alpha = 0.75;
  /// Says how many observations make a strip: k.
  std::size_t strip = 5;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = progress_quotient_options;
    return std::tuple{
        field{&self::alpha, "alpha", finite().at_least(0.0), "stop when the quotient is above this"},
        field{&self::strip, "strip", at_least(2), "k: how many observations make a strip"}};
  }
};

/// Stops when what was lost against the best outweighs the progress that is still made: \f$ PQ_\alpha \f$ of
/// Prechelt, "Early Stopping - But When?" (1998).
///
/// \f[ PQ(t) = \frac{GL(t)}{P_k(t)} > \alpha, \qquad P_k(t) = 1000 \left(
///     \frac{\sum_{t'=t-k+1}^{t} E(t')}{k \min_{t'=t-k+1}^{t} E(t')} - 1 \right) \f]
///
/// at the end of every strip of k observations, \f$ t = k, 2k, \dots \f$, with \f$ GL \f$ of
/// `generalization_loss`. When maximizing, \f$ P_k = 1000 (1 - \mathrm{mean} / \max) \f$. The defaults are
/// those of EarlyStopping.jl's `PQ`.
///
/// The paper takes \f$ GL \f$ from a validation error and \f$ P_k \f$ from the training error. Here both are
/// of the series that is observed; for a loss on fixed inputs, which is seen at every step and is free of the
/// noise of drawing them, that is the one error there is.
///
/// Between the ends of strips the verdict of the last one stands; before the first, `warming_up`. The
/// statistic is \f$ PQ(t) \f$. A strip of equal values shows no progress: the quotient is infinite, and
/// stops, when they are worse than the best, and 0/0 when they are the best: no statistic, no stop.
/// (EarlyStopping.jl stops in both cases.) There is no statistic either for a strip with a value that is not
/// finite, or while the smallest of the strip (greatest when maximizing) or the best so far is not positive
/// and finite. A NaN or an infinity that is worse leaves no trace after its strip.
///
/// Takes constant time and memory. It is not latched.
class progress_quotient {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "progress_quotient";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when what was lost against the best outweighs the progress that is still made (Prechelt's PQ)";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit progress_quotient(direction better, const progress_quotient_options& options = {})
      : options_(checked(name, options)), loss_(better) {}

  verdict observe(double value) noexcept {
    loss_.observe(value);
    if (in_strip_ == options_.strip) in_strip_ = 0;
    if (in_strip_ == 0) {
      pivot_ = value;
      sum_ = 0.0;
      strip_best_ = value;
    }
    sum_ += detail::unknown(value) - pivot_;
    if (is_better(better(), value, strip_best_)) strip_best_ = value;
    if (++in_strip_ == options_.strip) quotient_ = quotient_of_strip();
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (loss_.best().count() < options_.strip) return {.warming_up = true};
    const bool stop = quotient_ && *quotient_ > options_.alpha;
    return {.stop = stop, .rule = stop ? name : "", .statistic = quotient_};
  }

  /// Returns \f$ PQ \f$ at the end of the last strip, or no value while it is undefined.
  [[nodiscard]] std::optional<double> quotient() const noexcept { return quotient_; }

  [[nodiscard]] const best_value& best() const noexcept { return loss_.best(); }
  [[nodiscard]] direction better() const noexcept { return loss_.better(); }
  [[nodiscard]] const progress_quotient_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::uint64_t count = loss_.best().count();
    const std::string strip = std::to_string(options_.strip);
    if (count < options_.strip)
      return "warming up: " + std::to_string(count) + " of " + strip + " observations";
    const std::string end = std::to_string(count - count % options_.strip);
    if (!quotient_) return "the progress quotient is undefined at observation " + end;
    return "generalization loss over the progress of " + strip + " observations is " +
           brief_text(*quotient_) + ", " + (*quotient_ > options_.alpha ? "above " : "not above ") +
           brief_text(options_.alpha) + ", at observation " + end;
  }

  /// Reports `best`, and `progress_quotient`, which stops above alpha.
  void report(const report_visitor& visitor) const {
    visitor({name, "best", best().value()});
    visitor(
        {name, "progress_quotient", quotient_, stop_bound{stop_bound::comparison::greater, options_.alpha}});
  }

  void reset() noexcept {
    loss_.reset();
    in_strip_ = 0;
    pivot_ = sum_ = strip_best_ = 0.0;
    quotient_.reset();
  }

  /// Loading throws `state_error` when the saved rule had other options or another direction.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.loss_, self.in_strip_, self.pivot_, self.sum_, self.strip_best_, self.quotient_);
  }

 private:
  [[nodiscard]] std::optional<double> quotient_of_strip() const noexcept {
    const std::optional<double> loss = loss_.loss();
    // How much worse the mean is than the best of the strip, both as deviations from the strip's first value.
    const double excess = gain(better(), sum_ / static_cast<double>(options_.strip), strip_best_ - pivot_);
    if (!loss || !(strip_best_ > 0.0) || !detail::is_finite(excess)) return std::nullopt;
    const double progress = 1000.0 * (excess / strip_best_);
    const double quotient = *loss / progress;
    return detail::is_nan(quotient) ? std::nullopt : std::optional(quotient);
  }

  progress_quotient_options options_;
  generalization_loss loss_;
  std::size_t in_strip_ = 0;
  double pivot_ = 0.0;  // the strip's first value
  double sum_ = 0.0;    // of deviations from it
  double strip_best_ = 0.0;
  std::optional<double> quotient_;
};

static_assert(criterion<progress_quotient>);

}  // namespace dvar::inline v0_2
