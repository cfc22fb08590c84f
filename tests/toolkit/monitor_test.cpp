#include <cmath>
#include <functional>
#include <random>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/criteria/any_of.hpp>
#include <dvar/criteria/step_limit.hpp>
#include <dvar/criteria/variance_ratio.hpp>
#include <dvar/monitor.hpp>
#include <dvar/probe/deterministic_probe.hpp>
#include <dvar/trace/replay.hpp>

namespace dvar {
namespace {

const variance_ratio_options small{.window = 10, .threshold = 0.15};

TEST(convergence_monitor_test, stops_when_its_criterion_does_and_keeps_the_trace) {
  double loss = 1.0;
  convergence_monitor monitor{[&] { return loss; }, variance_ratio{small}};
  std::size_t step = 0;
  for (verdict v; !v.stop;) {
    loss *= 0.9;
    v = monitor.after_step(++step, {.loss = 2.0, .gradient_norm = 3.0});
  }
  ASSERT_EQ(monitor.records().size(), step);
  EXPECT_TRUE(monitor.latest().stop);
  EXPECT_EQ(monitor.reason(), monitor.rule().reason());
  const auto& last = monitor.records().back();
  EXPECT_EQ(last, (trace_record{.step = step,
                                .loss = 2.0,
                                .gradient_norm = 3.0,
                                .probe_loss = loss,
                                .rolling_variance = monitor.rule().window_variance(),
                                .total_variance = monitor.rule().total_variance(),
                                .ratio = monitor.rule().ratio()}));
  EXPECT_LT(last.ratio, 0.15);
  EXPECT_EQ(monitor.records().front().ratio, std::nullopt);
  EXPECT_EQ(replay(monitor.records(), variance_ratio{small}).stopped_at, step);
}

TEST(convergence_monitor_test, finds_the_variance_ratio_inside_a_composition) {
  convergence_monitor monitor{[i = 0.0]() mutable { return i += 1.0; },
                              any_of{step_limit{99}, any_of{variance_ratio{small}}}};
  for (std::size_t step = 1; step <= 10; ++step)
    monitor.after_step(step);
  EXPECT_EQ(monitor.records().back().ratio, 1.0);
}

TEST(convergence_monitor_test, runs_the_probe_at_its_cadence) {
  int evaluations = 0;
  convergence_monitor monitor{[&] { return ++evaluations; }, step_limit{8}, cadence{3}};
  std::vector<std::size_t> stops;
  for (std::size_t step = 1; step <= 11; ++step)
    if (monitor.after_step(step, step % 2 == 0 ? training_values{.loss = 0.5} : training_values{}).stop)
      stops.push_back(step);
  EXPECT_EQ(evaluations, 3);
  EXPECT_THAT(stops, testing::ElementsAre(9, 10, 11)) << "the limit of 8 is seen at the next evaluation";
  std::vector<std::size_t> steps;
  for (const auto& record : monitor.records()) {
    steps.push_back(record.step);
    EXPECT_EQ(record.probe_loss.has_value(), record.step % 3 == 0);
    EXPECT_EQ(record.loss.has_value(), record.step % 2 == 0);
  }
  EXPECT_THAT(steps, testing::ElementsAre(2, 3, 4, 6, 8, 9, 10));
}

TEST(convergence_monitor_test, is_unchanged_when_the_probe_throws) {
  bool fail = false;
  convergence_monitor monitor{[&] { return fail ? throw std::runtime_error("out of memory") : 1.0; },
                              variance_ratio{small}};
  monitor.after_step(1);
  const auto before = save_state(monitor);
  fail = true;
  EXPECT_THROW(monitor.after_step(2), std::runtime_error);
  EXPECT_EQ(save_state(monitor), before);
}

TEST(convergence_monitor_test, reset_begins_a_new_run) {
  convergence_monitor monitor{[] { return 1.0; }, step_limit{1}};
  monitor.after_step(1);
  monitor.reset();
  EXPECT_FALSE(monitor.latest().stop);
  EXPECT_EQ(save_state(monitor), save_state(convergence_monitor{[] { return 1.0; }, step_limit{1}}));
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
    for (std::size_t step = 1; step <= interruption; ++step) {
      original.train();
      monitor.after_step(step);
    }
    run resumed = original;
    auto loaded = resumed.monitor(4);
    load_state(loaded, save_state(monitor));
    EXPECT_EQ(loaded.latest(), monitor.latest());
    EXPECT_EQ(loaded.reason(), monitor.reason());
    for (std::size_t step = interruption + 1; step <= 200; ++step) {
      original.train();
      resumed.train();
      ASSERT_EQ(loaded.after_step(step), monitor.after_step(step)) << interruption << ", " << step;
    }
    EXPECT_EQ(loaded.records(), monitor.records());
    EXPECT_EQ(save_state(loaded), save_state(monitor));
  }
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
  EXPECT_EQ(loaded.after_step(2), monitor.after_step(2));
}

TEST(convergence_monitor_test, refuses_the_state_of_another_kind_and_stays_as_it_was) {
  run original;
  auto monitor = original.monitor(3);
  monitor.after_step(2);
  const auto before = save_state(monitor);
  convergence_monitor plain{[] { return 1.0; }, any_of{variance_ratio{small}, step_limit{500}}};
  EXPECT_THAT(
      [&] { load_state(monitor, save_state(plain)); },
      testing::ThrowsMessage<state_error>("saved state: a convergence_monitor with a probe of another kind"));
  EXPECT_EQ(save_state(monitor), before);
}

}  // namespace
}  // namespace dvar
