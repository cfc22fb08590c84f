#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <dvar/combinators/after.hpp>
#include <dvar/combinators/agreed.hpp>
#include <dvar/combinators/all_of.hpp>
#include <dvar/combinators/any_of.hpp>
#include <dvar/combinators/consecutive.hpp>
#include <dvar/combinators/despiked.hpp>
#include <dvar/combinators/every.hpp>
#include <dvar/combinators/latched.hpp>
#include <dvar/combinators/reduced.hpp>
#include <dvar/combinators/supplied.hpp>
#include <dvar/criteria/any_criterion.hpp>
#include <dvar/rules/already_converged.hpp>
#include <dvar/rules/clip_s.hpp>
#include <dvar/rules/diminishing_returns.hpp>
#include <dvar/rules/ema_percentile.hpp>
#include <dvar/rules/evidence_based.hpp>
#include <dvar/rules/generalization_loss.hpp>
#include <dvar/rules/geweke.hpp>
#include <dvar/rules/hall.hpp>
#include <dvar/rules/mean_settled.hpp>
#include <dvar/rules/movement.hpp>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/pflug.hpp>
#include <dvar/rules/plateau.hpp>
#include <dvar/rules/progress_quotient.hpp>
#include <dvar/rules/sasa.hpp>
#include <dvar/rules/sequential_test.hpp>
#include <dvar/rules/slope_test.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/successive_rises.hpp>
#include <dvar/rules/threshold.hpp>
#include <dvar/rules/trend.hpp>
#include <dvar/rules/variance_ratio.hpp>
#include <dvar/rules/wall_clock_limit.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/best_value.hpp>
#include <dvar/statistics/exponential_average.hpp>
#include <dvar/statistics/rolling_extremes.hpp>
#include <dvar/statistics/rolling_mean_error.hpp>
#include <dvar/statistics/rolling_quantile.hpp>
#include <dvar/statistics/rolling_slope.hpp>
#include <dvar/statistics/rolling_variance.hpp>
#include <dvar/statistics/total_slope.hpp>
#include <dvar/statistics/total_variance.hpp>

namespace dvar::test {

/// A clock that stands still, so that time is no matter of chance.
struct still_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<still_clock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept { return {}; }
};

/// Shows a rule on vectors three components that follow from the value.
template <class Rule>
struct on_vectors {
  Rule rule;

  verdict observe(double value) {
    const std::array<double, 3> vector{value, 0.5 - value, value * value};
    if constexpr (requires { rule.observe(vector); })
      return rule.observe(vector);
    else
      return rule.observe(vector, std::array<double, 3>{1.0, 2.0, 1.0 + value * value});
  }
  [[nodiscard]] verdict latest() const { return rule.latest(); }
  [[nodiscard]] std::string reason() const { return rule.reason(); }
  void reset() { rule.reset(); }
  void report(const report_visitor& visitor) const { rule.report(visitor); }
  static void state(auto& self, auto& archive) { archive(self.rule); }
};

template <class Rule>
on_vectors(Rule) -> on_vectors<Rule>;

/// Every rule that there is, with windows so small that a hundred observations see all of it.
inline auto every_criterion() {
  const variance_ratio ratio{{.window = 10, .threshold = 0.3}};
  const patience waiting{direction::minimize, {.patience = 4, .min_delta = 0.01}};
  const auto half = [share = 0.5](double mine) { return share * mine; };
  return std::tuple{
      after{20, ratio},
      agreed{half, waiting},
      all_of{ratio, waiting},
      all_of{std::vector<any_criterion>{ratio, waiting}},
      already_converged{{.observations = 30}},
      any_criterion{ratio},
      any_of{ratio, waiting, non_finite{}},
      any_of{std::vector<any_criterion>{ratio, waiting}},
      clip_s{presets::clip_s_v1},
      consecutive{3, waiting},
      despiked{5, ratio},
      diminishing_returns{direction::minimize, {.window = 8, .block = 1}},
      divergence{direction::minimize, 6.0},
      ema_percentile{{.lag = 7, .threshold = 0.02}},
      every{3, ratio},
      generalization_loss{direction::minimize, {.alpha = 5.0}},
      geweke{{.window = 20}},
      hall{{.window = 9, .threshold = 0.1}},
      latched{waiting},
      mean_settled{{.window = 16, .effective_samples = 4.0, .stride = 3}},
      non_finite{},
      patience{direction::maximize,
               {.patience = 3, .scale = delta_scale::relative, .measured_from = delta_reference::best}},
      plateau{direction::minimize, {.window = 8}},
      progress_quotient{direction::minimize, {.alpha = 0.5, .strip = 4}},
      reduced{half, ratio},
      sasa{{.batches = 4, .batch_length = 3}},
      sequential_test{direction::minimize, {.first = 20, .pairs = 4}},
      slope_test{{.window = 12}},
      step_limit{50},
      successive_rises{direction::minimize, {.rises = 2, .strip = 3}},
      supplied{movement{{.dimension = 2, .window = 4, .patience = 30}},
               [position = std::array{1.0, 2.0}] { return std::span(position); }},
      threshold{direction::minimize, 2.0},
      trend{{.window = 11, .threshold = 0.01}},
      ratio,
      variance_ratio{{.window = 7, .threshold = 0.9, .non_finite = non_finite_policy::skip}},
      wall_clock_limit<still_clock>{std::chrono::hours{1}},
      on_vectors{movement{{.dimension = 3, .window = 6, .patience = 20}}},
      on_vectors{pflug{{.dimension = 3, .burn_in = 5}}},
      on_vectors{evidence_based{{.batch = 8}}},
  };
}

/// Every statistic that is shown one value after the other.
inline auto every_statistic() {
  return std::tuple{
      best_value{direction::minimize},
      exponential_average{{.weight = 0.2}},
      exponential_average{{.weight = 0.2, .bias_correction = false}},
      rolling_extremes{7},
      rolling_mean_error{8},
      rolling_quantile{{.window = 9, .level = 0.3}},
      rolling_slope{8},
      rolling_variance<double>{10},
      rolling_variance<float>{10},
      total_slope{},
      total_variance{},
  };
}

template <class T>
void show(T& object, double value) {
  if constexpr (std::same_as<T, rolling_variance<float>>)
    object.observe(static_cast<float>(value));
  else
    object.observe(value);
}

/// The name that a class has in its saved state.
template <stateful T>
std::string name_of(const T& object) {
  const auto archive = save_state(object);
  std::string name;
  state_reader{archive}(name);
  return name;
}

/// Calls `function(fresh)` for each of a tuple.
template <class Tuple, class Function>
void for_each(Tuple list, Function function) {
  std::apply([&](auto&... each) { (function(each), ...); }, list);
}

/// Calls `function(fresh)` for each rule that has options: no combinator has.
template <class Function>
void for_each_rule(Function function) {
  for_each(every_criterion(), [&](auto& fresh) {
    if constexpr (requires { fresh.options(); })
      function(fresh);
    else if constexpr (requires { fresh.rule.options(); })
      function(fresh.rule);
  });
}

}  // namespace dvar::test
