#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/catalog/make_criterion.hpp>
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
#include <dvar/monitor.hpp>
#include <dvar/probe/deterministic_probe.hpp>
#include <dvar/rules/generalization_loss.hpp>
#include <dvar/rules/movement.hpp>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/variance_ratio.hpp>
#include <dvar/rules/wall_clock_limit.hpp>
#include <dvar/trace/replay.hpp>

#include "trace/records.hpp"

namespace dvar {
namespace {

using test::names_in;
using testing::ElementsAre;
using testing::ThrowsMessage;

const variance_ratio_options small{.window = 10, .threshold = 0.15};

TEST(convergence_monitor_test, stops_when_its_criterion_does_and_keeps_the_trace) {
  double loss = 1.0;
  convergence_monitor monitor{[&] { return loss; }, variance_ratio{small}};
  std::size_t step = 0;
  monitored_step last;
  while (!last.stop) {
    loss *= 0.9;
    last = monitor.after_step(++step, {{"loss", 2.0}, {"gradient_norm", 3.0}});
    ASSERT_EQ(last.record, monitor.records().back());
    ASSERT_EQ(static_cast<verdict>(last), monitor.rule().latest());
  }
  ASSERT_EQ(monitor.records().size(), step);
  EXPECT_TRUE(monitor.latest().stop);
  EXPECT_EQ(monitor.latest(), static_cast<verdict>(last));
  EXPECT_EQ(monitor.reason(), monitor.rule().reason());
  trace expected;
  expected.append(step, {{"loss", 2.0},
                         {"gradient_norm", 3.0},
                         {"probe_loss", loss},
                         {"rolling_variance", monitor.rule().window_variance().value()},
                         {"total_variance", monitor.rule().total_variance().value()},
                         {"ratio", monitor.rule().ratio().value()}});
  EXPECT_EQ(last.record, expected[0]);
  EXPECT_LT(last.record["ratio"].value(), 0.15);
  EXPECT_EQ(last.statistic, last.record["ratio"]);
  EXPECT_EQ(monitor.records().front()["ratio"], std::nullopt);
  EXPECT_EQ(replay(monitor.records(), variance_ratio{small}).stopped_at, step);
}

// What another rule would have seen, and a probe that is not asked for it.
TEST(convergence_monitor_test, takes_up_a_recorded_run_under_another_rule) {
  const auto loss_at = [](int step) { return std::pow(0.9, step); };
  int evaluations = 0;
  const auto probe = [&] { return loss_at(2 * ++evaluations); };
  convergence_monitor first{probe, patience{direction::minimize, {.patience = 50}}, cadence{2}};
  convergence_monitor whole{probe, variance_ratio{small}, cadence{2}};
  for (std::size_t step = 1; step <= 31; ++step)
    first.after_step(step, {{"loss", 2.0}});
  evaluations = 0;
  for (std::size_t step = 1; step <= 41; ++step)
    whole.after_step(step, {{"loss", 2.0}});

  evaluations = 0;
  convergence_monitor second{probe, variance_ratio{small}, cadence{2}};
  for (const trace_record& record : first.records())
    second.after_recorded_step(record.step(), record[probe_loss_name], {{"loss", record["loss"].value()}});
  EXPECT_EQ(evaluations, 0);
  evaluations = 15;
  for (std::size_t step = 32; step <= 41; ++step)
    second.after_step(step, {{"loss", 2.0}});
  EXPECT_EQ(second.records(), whole.records());
  EXPECT_EQ(second.latest(), whole.latest());
  EXPECT_EQ(save_state(second), save_state(whole));
}

TEST(convergence_monitor_test, runs_the_probe_at_its_cadence) {
  int evaluations = 0;
  convergence_monitor monitor{[&] { return ++evaluations; }, step_limit{8}, cadence{3}};
  std::vector<std::size_t> stops;
  std::vector<std::size_t> without_a_record;
  for (std::size_t step = 1; step <= 11; ++step) {
    const monitored_step seen = monitor.after_step(
        step, step % 2 == 0 ? std::vector<named_value>{{"loss", 0.5}} : std::vector<named_value>{});
    if (seen.stop) stops.push_back(step);
    if (seen.record.step() != step) without_a_record.push_back(step);
  }
  EXPECT_EQ(evaluations, 3);
  EXPECT_THAT(stops, ElementsAre(8, 9, 10, 11));
  EXPECT_THAT(without_a_record, ElementsAre(1, 5, 7, 11));
  std::vector<std::size_t> steps;
  for (const trace_record& record : monitor.records()) {
    steps.push_back(record.step());
    EXPECT_EQ(record["probe_loss"].has_value(), record.step() % 3 == 0);
    EXPECT_EQ(record["loss"].has_value(), record.step() % 2 == 0);
  }
  EXPECT_THAT(steps, ElementsAre(2, 3, 4, 6, 8, 9, 10));
}

// Between evaluations.

TEST(convergence_monitor_test, a_limit_on_steps_holds_to_the_step_whatever_the_cadence) {
  convergence_monitor monitor{[] { return 1.0; }, step_limit{6100}, cadence{500}};
  std::size_t step = 0;
  while (!monitor.after_step(++step).stop) {
  }
  EXPECT_EQ(step, 6100);
  EXPECT_EQ(monitor.reason(), "the limit of 6100 steps is reached");
}

TEST(convergence_monitor_test, a_limit_holds_where_the_loop_counts_by_more_than_one) {
  int evaluations = 0;
  convergence_monitor monitor{[&] { return ++evaluations; },
                              any_of{step_limit{25}, wall_clock_limit{std::chrono::hours{1}}}, cadence{10}};
  std::size_t step = 1;
  while (!monitor.after_step(step).stop && step < 100)
    step += 2;
  EXPECT_EQ(step, 25);
  EXPECT_EQ(evaluations, 2) << "after steps 11 and 21";
}

TEST(convergence_monitor_test, a_limit_on_time_holds_before_the_first_evaluation) {
  convergence_monitor monitor{[] { return 1.0; }, wall_clock_limit{std::chrono::nanoseconds{1}},
                              cadence{1000}};
  EXPECT_EQ(monitor.after_step(1).rule, "wall_clock_limit");
}

TEST(convergence_monitor_test, a_training_loss_that_is_none_is_seen_at_every_step) {
  convergence_monitor monitor{[] { return 1.0; }, any_of{variance_ratio{small}, non_finite{}}, cadence{10}};
  EXPECT_FALSE(monitor.after_step(1, {{"loss", 2.0}, {"gradient_norm", std::nan("")}}).stop);
  const monitored_step seen = monitor.after_step(2, {{"loss", std::nan("")}});
  EXPECT_EQ(seen.rule, "non_finite");
  EXPECT_EQ(monitor.reason(), "the training loss of step 2 is nan");
  EXPECT_FALSE(monitor.after_step(3, {{"loss", 2.0}}).stop);
  EXPECT_TRUE(monitor.after_step(10, {{"loss", std::nan("")}}).stop) << "though the probe's is finite there";
}

TEST(convergence_monitor_test, every_combinator_passes_on_a_limit) {
  const auto stops_at = [](auto rule) {
    convergence_monitor monitor{[] { return 1.0; }, rule, cadence{10}};
    std::size_t step = 1;
    while (!monitor.after_step(step).stop && step < 100)
      ++step;
    return step;
  };
  const step_limit limit{25};
  const auto alone = [](double mine) { return mine; };
  EXPECT_EQ(stops_at(after{10, limit}), 25);
  EXPECT_EQ(stops_at(agreed{alone, limit}), 25);
  EXPECT_EQ(stops_at(all_of{limit, step_limit{7}}), 25);
  EXPECT_EQ(stops_at(any_criterion{limit}), 25);
  EXPECT_EQ(stops_at(any_of{std::vector<any_criterion>{limit, variance_ratio{small}}}), 25);
  EXPECT_EQ(stops_at(despiked{5, limit}), 25);
  EXPECT_EQ(stops_at(every{3, limit}), 25);
  EXPECT_EQ(stops_at(latched{limit}), 25);
  EXPECT_EQ(stops_at(reduced{alone, limit}), 25);
  EXPECT_EQ(stops_at(consecutive{2, limit}), 40) << "it counts observations: those after 30 and 40";
}

TEST(convergence_monitor_test, ranks_agree_on_a_limit_between_evaluations) {
  // The other rank's clock is over.
  convergence_monitor monitor{[] { return 1.0; }, agreed{[](double) { return 1.0; }, step_limit{25}},
                              cadence{10}};
  EXPECT_EQ(monitor.after_step(1).rule, "agreed");
  int reductions = 0;
  convergence_monitor without{[] { return 1.0; },
                              agreed{[&](double mine) {
                                       ++reductions;
                                       return mine;
                                     },
                                     variance_ratio{small}},
                              cadence{10}};
  for (std::size_t step = 1; step <= 20; ++step)
    without.after_step(step);
  EXPECT_EQ(reductions, 2) << "a rule that judges observations alone has nothing to agree on between them";
}

TEST(convergence_monitor_test, a_step_without_anything_has_the_record_of_no_step) {
  convergence_monitor monitor{[] { return 1.0; }, step_limit{8}, cadence{3}};
  monitor.after_step(3);
  const monitored_step seen = monitor.after_step(4);
  EXPECT_EQ(seen.record, trace_record{});
  EXPECT_EQ(static_cast<verdict>(seen), monitor.latest());
}

// What a record has.

TEST(convergence_monitor_test, keeps_the_loops_values_then_the_probes_then_the_rules) {
  convergence_monitor monitor{[i = 0.0]() mutable { return i += 1.0; },
                              any_of{step_limit{99}, any_of{variance_ratio{{.window = 2}}}}, cadence{2}};
  EXPECT_THAT(names_in(monitor.after_step(1, {{"gradient_norm", 1.0}, {"loss", 2.0}}).record),
              ElementsAre("gradient_norm", "loss"));
  EXPECT_THAT(names_in(monitor.after_step(2).record), ElementsAre("probe_loss", "total_variance"))
      << "a variance of two is undefined";
  monitor.after_step(3, {{"clip_score", 1.0}});
  EXPECT_THAT(names_in(monitor.after_step(4, {{"clip_score", 1.0}, {"loss", 2.0}}).record),
              ElementsAre("loss", "probe_loss", "rolling_variance", "total_variance", "ratio", "clip_score"));
  EXPECT_THAT(monitor.records().names(),
              ElementsAre("gradient_norm", "loss", "probe_loss", "rolling_variance", "total_variance",
                          "ratio", "clip_score"));
}

TEST(convergence_monitor_test, tells_rules_of_one_name_apart) {
  const patience waiting{direction::minimize, {.patience = 4}};
  double loss = 1.0;
  convergence_monitor monitor{[&] { return loss *= 0.5; },
                              any_of{variance_ratio{{.window = 2}}, waiting, variance_ratio{{.window = 3}},
                                     generalization_loss{direction::minimize}}};
  monitor.after_step(1);
  monitor.after_step(2);
  const trace_record record = monitor.after_step(3).record;
  EXPECT_THAT(names_in(record),
              ElementsAre("probe_loss", "variance_ratio_1/rolling_variance",
                          "variance_ratio_1/total_variance", "variance_ratio_1/ratio", "patience/best",
                          "wait", "variance_ratio_2/rolling_variance", "variance_ratio_2/total_variance",
                          "variance_ratio_2/ratio", "generalization_loss/best", "generalization_loss"));
  const auto& [first, waits, second, rises] = monitor.rule().members();
  EXPECT_EQ(record["variance_ratio_1/ratio"], first.ratio());
  EXPECT_EQ(record["variance_ratio_2/ratio"], second.ratio());
  EXPECT_EQ(record["variance_ratio_2/ratio"], 1.0) << "of all there is";
  EXPECT_EQ(record["patience/best"], 0.125);
}

TEST(convergence_monitor_test, names_what_a_rule_has_no_value_for_all_the_same) {
  convergence_monitor monitor{[] { return 1.0; }, variance_ratio{small}};
  EXPECT_THAT(names_in(monitor.after_step(1).record), ElementsAre("probe_loss", "total_variance"));
  EXPECT_THAT(monitor.records().names(),
              ElementsAre("probe_loss", "rolling_variance", "total_variance", "ratio"));
}

/// Returns a loss that falls and flattens, with a ripple.
double falling(std::size_t step) {
  const auto t = static_cast<double>(step);
  return 0.2 + 0.8 * std::exp(-t / 40.0) + 0.01 * std::sin(12.9898 * t);
}

/// Returns the ratios that the trace of a monitored rule has, a step each.
template <criterion Rule>
std::vector<std::optional<double>> recorded_ratios(Rule rule, std::size_t steps,
                                                   const std::string& name = "ratio") {
  std::size_t step = 0;
  convergence_monitor monitor{[&] { return falling(step); }, std::move(rule)};
  std::vector<std::optional<double>> ratios;
  while (step < steps)
    ratios.push_back(monitor.after_step(++step).record[name]);
  return ratios;
}

/// Returns the ratios of a plain rule that is shown `loss(step)`, where there is a loss.
template <class Loss>
std::vector<std::optional<double>> plain_ratios(std::size_t steps, Loss loss) {
  variance_ratio rule{small};
  std::vector<std::optional<double>> ratios;
  for (std::size_t step = 1; step <= steps; ++step) {
    if (const std::optional<double> shown = loss(step)) rule.observe(*shown);
    ratios.push_back(rule.ratio());
  }
  return ratios;
}

TEST(convergence_monitor_test, a_wrapped_or_joined_rule_has_its_own_ratio_in_the_record) {
  constexpr std::size_t steps = 300;
  const variance_ratio rule{small};
  const patience waiting{direction::minimize, {.patience = 3}};
  const auto same = [](double x) { return x; };
  const auto expected = plain_ratios(steps, [](std::size_t step) { return std::optional(falling(step)); });
  ASSERT_LT(expected.back().value(), 0.15);
  EXPECT_EQ(recorded_ratios(rule, steps), expected);
  EXPECT_EQ(recorded_ratios(after{200, rule}, steps), expected);
  EXPECT_EQ(recorded_ratios(consecutive{7, rule}, steps), expected);
  EXPECT_EQ(recorded_ratios(agreed{same, rule}, steps), expected);
  EXPECT_EQ(recorded_ratios(reduced{same, rule}, steps), expected);
  EXPECT_EQ(recorded_ratios(any_of{step_limit{9}, rule}, steps), expected);
  EXPECT_EQ(recorded_ratios(all_of{waiting, rule}, steps), expected);
  EXPECT_EQ(recorded_ratios(any_criterion{rule}, steps), expected);
  EXPECT_EQ(recorded_ratios(any_of{std::vector<any_criterion>{waiting, rule}}, steps), expected);
  EXPECT_EQ(recorded_ratios(all_of{std::vector<any_criterion>{rule, waiting}}, steps), expected);
  EXPECT_EQ(recorded_ratios(any_of{after{5, consecutive{2, all_of{any_criterion{rule}, waiting}}}}, steps),
            expected);
  const std::string text = "variance_ratio:window=10,threshold=0.15";
  EXPECT_EQ(recorded_ratios(make_criterion(text), steps), expected);
  EXPECT_EQ(recorded_ratios(make_criterion(text + ",after=200,consecutive=3"), steps), expected);
  EXPECT_EQ(recorded_ratios(make_criterion("patience:patience=3&" + text), steps), expected);
  EXPECT_EQ(recorded_ratios(make_criterion(text + "&" + text), steps, "variance_ratio_2/ratio"), expected);
}

TEST(convergence_monitor_test, the_ratio_of_a_despiked_rule_is_that_of_the_medians) {
  const auto median = [](std::size_t step) -> std::optional<double> {
    if (step < 3) return std::nullopt;
    std::vector<double> latest{falling(step - 2), falling(step - 1), falling(step)};
    std::sort(latest.begin(), latest.end());
    return latest[1];
  };
  const auto expected = plain_ratios(300, median);
  EXPECT_EQ(recorded_ratios(despiked{3, variance_ratio{small}}, 300), expected);
  EXPECT_EQ(recorded_ratios(make_criterion("variance_ratio:window=10,threshold=0.15,despiked=3"), 300),
            expected);
}

TEST(convergence_monitor_test, the_ratio_of_a_rule_that_sees_every_fifth_stands_between) {
  const auto expected = plain_ratios(
      300, [](std::size_t step) { return step % 5 == 0 ? std::optional(falling(step)) : std::nullopt; });
  EXPECT_EQ(recorded_ratios(every{5, variance_ratio{small}}, 300), expected);
  EXPECT_EQ(recorded_ratios(make_criterion("variance_ratio:window=10,threshold=0.15,every=5"), 300),
            expected);
}

TEST(convergence_monitor_test, the_ratio_of_a_latched_rule_is_that_of_its_stop) {
  auto expected = plain_ratios(300, [](std::size_t step) { return std::optional(falling(step)); });
  std::size_t stop = 0;
  while (expected[stop].value_or(1.0) >= 0.15)
    ++stop;
  std::fill(expected.begin() + static_cast<std::ptrdiff_t>(stop), expected.end(), expected[stop]);
  EXPECT_EQ(recorded_ratios(latched{variance_ratio{small}}, 300), expected);
}

TEST(convergence_monitor_test, a_rule_on_vectors_has_its_numbers_in_the_record) {
  std::vector<double> position{1.0, 2.0};
  convergence_monitor monitor{
      [] { return 1.0; },
      supplied{movement{{.dimension = 2, .window = 3, .patience = 30}}, [&] { return position; }}};
  for (std::size_t step = 1; step <= 6; ++step) {
    position[0] += static_cast<double>(step);
    monitor.after_step(step);
  }
  EXPECT_THAT(names_in(monitor.records().back()), ElementsAre("probe_loss", "variance", "wait"));
  const auto& [rule] = monitor.rule().members();
  EXPECT_EQ(monitor.records().back()["wait"], rule.latest().statistic);
}

TEST(convergence_monitor_test, a_rule_that_may_stop_after_330_stops_at_331_by_its_own_ratio) {
  std::size_t step = 0;
  convergence_monitor monitor{[&] { return falling(step); },
                              make_criterion("variance_ratio:window=50,threshold=0.5,after=330")};
  variance_ratio alone{{.window = 50, .threshold = 0.5}};
  monitored_step seen;
  bool alone_stopped = false;
  do {
    ++step;
    seen = monitor.after_step(step);
    alone_stopped = alone.observe(falling(step)).stop || alone_stopped;
    ASSERT_EQ(seen.record["ratio"], alone.ratio());
    ASSERT_EQ(seen.record["ratio"].has_value(), step >= 50);
    ASSERT_EQ(seen.warming_up, step <= 330);
  } while (!seen.stop && step < 1000);
  EXPECT_EQ(step, 331U);
  EXPECT_TRUE(alone_stopped);
  EXPECT_EQ(seen.rule, "variance_ratio");
  EXPECT_EQ(seen.statistic, alone.ratio());
  EXPECT_LT(seen.record["ratio"].value(), 0.5);
  EXPECT_NE(monitor.reason().find("below 0.5, at observation 331"), std::string::npos) << monitor.reason();
}

// Values beside.

TEST(convergence_monitor_test, adds_what_was_measured_later_to_the_record_of_the_step) {
  convergence_monitor monitor{[] { return 1.0; }, step_limit{8}, cadence{2}};
  monitor.after_step(1);
  EXPECT_EQ(monitor.add("clip_score", 0.25).step(), 1U);
  EXPECT_EQ(monitor.add("text_score", 0.5).size(), 2U);
  const trace_record second = monitor.after_step(2, {{"loss", 2.0}}).record;
  const trace_record added = monitor.add("clip_score", 0.75);
  EXPECT_EQ(added, second) << "it shows what was added";
  EXPECT_THAT(names_in(second), ElementsAre("clip_score", "loss", "probe_loss"));
  monitor.after_step(3);
  monitor.after_step(4);
  ASSERT_EQ(monitor.records().size(), 3U);
  EXPECT_EQ(monitor.records()[0]["clip_score"], 0.25);
  EXPECT_EQ(monitor.records()[1]["clip_score"], 0.75);
  EXPECT_EQ(monitor.records()[2]["clip_score"], std::nullopt);
}

TEST(convergence_monitor_test, refuses_values_that_a_record_cannot_have) {
  convergence_monitor monitor{[] { return 1.0; }, variance_ratio{small}, cadence{2}};
  const auto is_refused_with = [](const char* message) {
    return ThrowsMessage<std::invalid_argument>(testing::HasSubstr(message));
  };
  EXPECT_THAT([&] { monitor.after_step(1, {{"step", 1.0}}); }, is_refused_with("'step' cannot name a value"));
  EXPECT_THAT([&] { monitor.after_step(2, {{"a,b", 1.0}}); }, is_refused_with("'a,b' cannot name a value"));
  EXPECT_THAT([&] { monitor.after_step(3, {{"a", 1.0}, {"a", 1.0}}); },
              is_refused_with("step 3 has \"a\" already"));
  EXPECT_THAT([&] { monitor.after_step(4, {{"probe_loss", 1.0}}); },
              is_refused_with("step 4 has \"probe_loss\" already"));
  EXPECT_THAT([&] { monitor.after_step(6, {{"total_variance", 1.0}}); },
              is_refused_with("step 6 has \"total_variance\" already"));
  monitor.after_step(8);
  EXPECT_THAT([&] { monitor.add("probe_loss", 1.0); }, is_refused_with("step 8 has \"probe_loss\" already"));
  EXPECT_THAT([&] { monitor.add("", 1.0); }, is_refused_with("'' cannot name a value"));
}

TEST(convergence_monitor_test, a_refused_value_leaves_no_part_of_a_record) {
  convergence_monitor monitor{[] { return 1.0; }, variance_ratio{small}};
  monitor.after_step(1, {{"loss", 0.5}});
  const trace before = monitor.records();
  EXPECT_THROW(monitor.after_step(2, {{"loss", 0.25}, {"step", 1.0}}), std::invalid_argument);
  EXPECT_TRUE(monitor.records() == before);
  EXPECT_THROW(monitor.after_step(2, {{"loss", 0.25}, {"loss", 1.0}}), std::invalid_argument);
  EXPECT_TRUE(monitor.records() == before);
}

TEST(convergence_monitor_test, a_record_stays_valid_while_the_trace_grows) {
  convergence_monitor monitor{[i = 0.0]() mutable { return i += 1.0; }, variance_ratio{small}};
  const trace_record first = monitor.after_step(1, {{"loss", 0.5}}).record;
  for (std::size_t step = 2; step < 2000; ++step) {
    monitor.after_step(step, {{"loss", 0.25}});
    if (step % 10 == 0) monitor.add("at " + std::to_string(step), 1.0);
  }
  EXPECT_EQ(first.step(), 1U);
  EXPECT_EQ(first["loss"], 0.5);
  EXPECT_EQ(first["probe_loss"], 1.0);
  EXPECT_THAT(names_in(first), ElementsAre("loss", "probe_loss", "total_variance"));
}

// How often everything is asked.

/// Counts how often each function of a `counting_rule` and its copies was called.
struct calls {
  int observed = 0;
  int reported = 0;
  int latest = 0;
};

/// Does what the ratio does, and counts.
class counting_rule {
 public:
  explicit counting_rule(calls& count) : count_(&count) {}

  verdict observe(double value) {
    ++count_->observed;
    return rule_.observe(value);
  }
  [[nodiscard]] verdict latest() const {
    ++count_->latest;
    return rule_.latest();
  }
  [[nodiscard]] std::string reason() const { return rule_.reason(); }
  void report(const report_visitor& visitor) const {
    ++count_->reported;
    rule_.report(visitor);
  }
  void reset() { rule_.reset(); }
  static void state(auto& self, auto& archive) { archive(self.rule_); }

 private:
  variance_ratio rule_{small};
  calls* count_;
};

TEST(convergence_monitor_test, evaluates_probe_criterion_and_report_once_an_observation) {
  constexpr int evaluations = 40;
  calls count;
  int probed = 0;
  convergence_monitor monitor{[&] { return ++probed; }, counting_rule{count}, cadence{3}};
  count = {};
  for (std::size_t step = 1; step <= 3 * evaluations; ++step) {
    monitor.after_step(step, {{"loss", 0.5}});
    const int expected = static_cast<int>(step / 3);
    ASSERT_EQ(probed, expected);
    ASSERT_EQ(count.observed, expected);
    ASSERT_EQ(count.reported, expected);
  }
  EXPECT_EQ(count.latest, 0) << "the verdict of the observation is kept";
  (void)monitor.latest();
  EXPECT_EQ(count.latest, 0);
}

TEST(convergence_monitor_test, evaluates_every_member_once_an_observation) {
  calls count;
  convergence_monitor monitor{
      [] { return 1.0; },
      any_of{after{5, any_criterion{counting_rule{count}}}, step_limit{3},
             all_of{std::vector<any_criterion>{counting_rule{count}, counting_rule{count}}}}};
  monitor.after_step(1);
  count = {};
  for (std::size_t step = 2; step <= 11; ++step)
    monitor.after_step(step);
  EXPECT_EQ(count.observed, 30);
  EXPECT_EQ(count.reported, 30);
}

// A run of its own.

TEST(convergence_monitor_test, is_unchanged_when_the_probe_throws) {
  bool fail = false;
  convergence_monitor monitor{[&] { return fail ? throw std::runtime_error("out of memory") : 1.0; },
                              variance_ratio{small}};
  monitor.after_step(1);
  const auto before = save_state(monitor);
  fail = true;
  EXPECT_THROW(monitor.after_step(2, {{"loss", 1.0}}), std::runtime_error);
  EXPECT_EQ(save_state(monitor), before);
}

TEST(convergence_monitor_test, reset_begins_a_new_run) {
  convergence_monitor monitor{[] { return 1.0; }, step_limit{1}};
  monitor.after_step(1, {{"loss", 1.0}});
  monitor.reset();
  EXPECT_FALSE(monitor.latest().stop);
  EXPECT_TRUE(monitor.records().empty());
  const convergence_monitor fresh{[] { return 1.0; }, step_limit{1}};
  EXPECT_EQ(monitor.records().names(), fresh.records().names());
  EXPECT_EQ(save_state(monitor), save_state(fresh));
}

TEST(convergence_monitor_test, the_run_after_a_reset_has_its_numbers_by_their_names) {
  double loss = 1.0;
  convergence_monitor monitor{[&] { return loss *= 0.5; }, variance_ratio{{.window = 2}}};
  monitor.after_step(1, {{"clip_score", 1.0}, {"loss", 2.0}});
  monitor.reset();
  monitor.after_step(1, {{"loss", 2.0}});
  const trace_record second = monitor.after_step(2, {{"loss", 3.0}}).record;
  EXPECT_EQ(second["loss"], 3.0);
  EXPECT_EQ(second["probe_loss"], loss);
  EXPECT_EQ(second["ratio"], 1.0);
}

/// A run whose model moves towards 0, seen through a noisy probe.
struct run {
  double weight = 1.0;

  void train() { weight *= 0.97; }

  auto probe(unsigned seed) {
    return deterministic_probe{
        sources(fixed([](std::mt19937_64& g) { return std::uniform_real_distribution<double>()(g); }),
                resampled([](std::mt19937_64& g) { return std::normal_distribution<double>(0.0, 1e-3)(g); })),
        [this](double x, double noise) { return weight * x + noise; }, no_isolation{}, std::mt19937_64{seed}};
  }

  auto monitor(unsigned seed) {
    return convergence_monitor{probe(seed), any_of{variance_ratio{small}, step_limit{500}}, cadence{2}};
  }
};

TEST(convergence_monitor_test, a_loaded_state_continues_bit_for_bit) {
  for (const std::size_t interruption : {1, 7, 20, 21, 40}) {
    run original;
    auto monitor = original.monitor(3);
    const auto after_step = [](auto& to, std::size_t step) {
      const monitored_step seen =
          to.after_step(step, {{"gradient_norm", 0.5 * static_cast<double>(step)}, {"loss", 1.0}});
      if (step % 10 == 0) to.add("clip_score", 0.25);
      return seen;
    };
    for (std::size_t step = 1; step <= interruption; ++step) {
      original.train();
      after_step(monitor, step);
    }
    run resumed = original;
    auto loaded = resumed.monitor(4);
    load_state(loaded, save_state(monitor));
    EXPECT_EQ(loaded.latest(), monitor.latest());
    EXPECT_EQ(loaded.reason(), monitor.reason());
    for (std::size_t step = interruption + 1; step <= 200; ++step) {
      original.train();
      resumed.train();
      const monitored_step found = after_step(loaded, step);
      const monitored_step expected = after_step(monitor, step);
      ASSERT_EQ(static_cast<verdict>(found), static_cast<verdict>(expected)) << interruption << ", " << step;
      ASSERT_EQ(found.record, expected.record) << interruption << ", " << step;
    }
    EXPECT_EQ(loaded.records(), monitor.records());
    EXPECT_EQ(loaded.records().names(), monitor.records().names());
    EXPECT_EQ(save_state(loaded), save_state(monitor));
  }
}

TEST(convergence_monitor_test, a_loaded_monitor_adds_to_the_record_of_the_saved_step) {
  convergence_monitor monitor{[] { return 1.0; }, step_limit{8}, cadence{2}};
  monitor.after_step(2);
  convergence_monitor loaded{[] { return 1.0; }, step_limit{8}, cadence{2}};
  load_state(loaded, save_state(monitor));
  loaded.add("clip_score", 0.5);
  EXPECT_EQ(loaded.records().size(), 1U);
  EXPECT_THAT(names_in(loaded.records().back()), ElementsAre("probe_loss", "clip_score"));
  monitor.after_step(3);
  load_state(loaded, save_state(monitor));
  EXPECT_EQ(loaded.add("clip_score", 0.5).step(), 3U);
}

TEST(convergence_monitor_test, saves_a_probe_that_lives_elsewhere) {
  run original;
  auto probe = original.probe(3);
  convergence_monitor monitor{std::ref(probe), variance_ratio{small}};
  monitor.after_step(1);

  auto other = original.probe(4);
  convergence_monitor loaded{std::ref(other), variance_ratio{small}};
  load_state(loaded, save_state(monitor));
  EXPECT_EQ(save_state(other), save_state(probe));
  EXPECT_EQ(loaded.after_step(2).record, monitor.after_step(2).record);
}

TEST(convergence_monitor_test, refuses_the_state_of_another_kind_and_stays_as_it_was) {
  run original;
  auto monitor = original.monitor(3);
  monitor.after_step(2);
  const auto before = save_state(monitor);
  convergence_monitor plain{[] { return 1.0; }, any_of{variance_ratio{small}, step_limit{500}}};
  EXPECT_THAT([&] { load_state(monitor, save_state(plain)); },
              ThrowsMessage<state_error>("saved state: whether convergence_monitor's probe has a state is "
                                         "false in the saved state and true here"));
  EXPECT_EQ(save_state(monitor), before);
}

}  // namespace
}  // namespace dvar
