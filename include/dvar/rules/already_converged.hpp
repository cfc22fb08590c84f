#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/total_slope.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `already_converged`.
struct already_converged_options {
  /// Says how many observations at the beginning are judged: W.
  std::size_t observations = 310;
  /// Stops when the p-value of their slope is above this.
  double significance = 0.05;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = already_converged_options;
    return std::tuple{field{&self::observations, "observations", at_least(3),
                            "W: how many observations at the beginning are judged"},
                      field{&self::significance, "significance", above(0.0).below(1.0),
                            "stop when the p-value of their slope is above this"}};
  }
};

/// Stops when the run had converged before it began: at observation W, if a line through the first W observations
/// neither falls nor rises, as far as their noise lets that be seen.
///
/// \f[ p = P \bigl( |t_{W-2}| \ge |m / s_m| \bigr) > \delta \f]
/// with the least-squares slope m and its standard error, as `line_fit` has them. It guards rules that
/// compare what is with what was, such as `variance_ratio`, which goes on for ever on a loss that is flat
/// from the start: `any_of{variance_ratio{presets::v2}, already_converged{}}`.
///
/// It judges once. From observation W on the verdict stays as it is, stop or not; nothing later changes it, so that
/// it does not stop a run for a pause in the middle. The statistic is p.
///
/// What to expect:
/// - fewer than W observations: `warming_up`;
/// - equal observations: p = 1, and it stops;
/// - flat white noise: stops with probability 1 - `significance`;
/// - a fall, however early in the window: goes on, unless the noise hides it; a run that takes longer than W
///   observations to begin to learn is stopped;
/// - noise with positive autocorrelation makes p too small: it goes on though nothing moves;
/// - a NaN or an infinity among the first W: no statistic, and it never stops.
///
/// Takes constant time and memory.
class already_converged {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "already_converged";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when a line through the first observations neither falls nor rises: the run began converged";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit already_converged(const already_converged_options& options = {})
      : options_(checked(name, options)) {}

  verdict observe(double value) noexcept {
    ++count_;
    if (count_ <= options_.observations) {
      beginning_.observe(value);
      if (count_ == options_.observations) {
        const auto line = beginning_.fit();
        p_value_ = line ? std::optional(line->p_value()) : std::nullopt;
      }
    }
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (count_ < options_.observations) return {.warming_up = true};
    if (p_value_ && *p_value_ > options_.significance)
      return {.stop = true, .rule = name, .statistic = p_value_};
    return {.statistic = p_value_};
  }

  /// Returns p, or no value before observation W or where the first W are not finite.
  [[nodiscard]] std::optional<double> p_value() const noexcept { return p_value_; }

  [[nodiscard]] const already_converged_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string first = std::to_string(options_.observations);
    const verdict v = latest();
    if (v.warming_up) return "warming up: " + std::to_string(count_) + " of " + first + " observations";
    if (!v.statistic)
      return "the slope of the first " + first + " observations is undefined: they are not finite";
    return "the slope of the first " + first + " observations has a p-value of " + brief_text(*v.statistic) +
           ", " + (v.stop ? "above " : "not above ") + brief_text(options_.significance);
  }

  void reset() noexcept {
    beginning_.reset();
    count_ = 0;
    p_value_ = std::nullopt;
  }

  /// Reports `p_value`.
  void report(const report_visitor& visitor) const {
    visitor({name, "p_value", p_value_, stop_bound{stop_bound::comparison::greater, options_.significance}});
  }

  /// Loading throws `state_error` when the saved rule had other options.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.beginning_, self.count_, self.p_value_);
  }

 private:
  already_converged_options options_;
  total_slope beginning_;
  std::uint64_t count_ = 0;
  std::optional<double> p_value_;
};

static_assert(criterion<already_converged>);

}  // namespace dvar::inline v0_2
