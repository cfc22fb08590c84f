#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `step_limit`.
struct step_limit_options {
  /// Stops at this step.
  std::size_t limit = 0;

  /// Lists the options by their names.
  static constexpr auto fields() {
    return std::tuple{
        field{&step_limit_options::limit, "limit", at_least(1), "stop at this step", presence::required}};
  }
};

/// Stops at a given step, whatever the observations are: `step_limit{6100}`.
///
/// Alone, it counts observations. In a `convergence_monitor` it is told every training step, also those after which
/// the probe does not run: the limit is met to the step.
class step_limit {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "step_limit";
  /// Lists the names that texts may have in place of the rule's.
  static constexpr std::array<std::string_view, 1> aliases{"steps"};
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary = "Stops at a given step, whatever the observations are";

  /// Throws `std::invalid_argument` when the limit is 0.
  explicit step_limit(const step_limit_options& options) : options_(checked(name, options)) {}
  /// Throws `std::invalid_argument` when `limit` is 0.
  explicit step_limit(std::size_t limit) : step_limit(step_limit_options{.limit = limit}) {}

  verdict observe(double value) noexcept { return observe(value, step_ + 1); }

  /// Observes a step, counted from 1; the limit itself stops.
  verdict observe(double /*value*/, std::size_t step) noexcept {
    step_ = step;
    return latest();
  }

  /// Takes note of a step without an observation: the limit holds there, too.
  verdict advance(std::size_t step, const std::optional<double>& /*training_loss*/) noexcept {
    return observe(0.0, step);
  }

  [[nodiscard]] verdict latest() const noexcept {
    return step_ >= options_.limit ? verdict{.stop = true, .rule = name} : verdict{};
  }

  [[nodiscard]] const step_limit_options& options() const noexcept { return options_; }
  [[nodiscard]] std::size_t limit() const noexcept { return options_.limit; }

  [[nodiscard]] std::string reason() const {
    const std::string limit = std::to_string(options_.limit);
    return latest().stop ? "the limit of " + limit + " steps is reached"
                         : "step " + std::to_string(step_) + " of at most " + limit;
  }

  /// Reports nothing: whoever counts the steps knows them.
  void report(const report_visitor&) const noexcept {}

  void reset() noexcept { step_ = 0; }

  /// The limit is not part of the state: a run may continue with a longer one.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    archive(self.step_);
  }

 private:
  step_limit_options options_;
  std::size_t step_ = 0;
};

static_assert(criterion<step_limit>);

}  // namespace dvar::inline v0_2
