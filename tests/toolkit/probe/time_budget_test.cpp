#include <chrono>
#include <cstddef>
#include <limits>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/monitor.hpp>
#include <dvar/probe/time_budget.hpp>
#include <dvar/rules/step_limit.hpp>

namespace dvar {
namespace {

using std::chrono::milliseconds;

/// Counts time by hand: it goes on when it is told to.
struct hand_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<hand_clock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept { return current; }
  static void pass(milliseconds time) { current += time; }

  static inline time_point current{};
};

using budget = time_budget<hand_clock>;

/// Runs `steps` steps of 10 ms each with evaluations of 25 ms, and returns how many there were.
int evaluations(budget& when, int steps) {
  int count = 0;
  for (int step = 1; step <= steps; ++step) {
    hand_clock::pass(milliseconds{10});
    if (when.due(static_cast<std::size_t>(step))) {
      hand_clock::pass(milliseconds{25});
      when.evaluated();
      ++count;
    }
  }
  return count;
}

TEST(time_budget_test, keeps_to_its_share_of_the_training_time) {
  for (const double share : {0.05, 0.1, 0.5}) {
    budget when{share};
    const int count = evaluations(when, 2001);
    // The first step is where the clock starts: 2000 steps are 20 s.
    EXPECT_EQ(when.training().count(), 20.0);
    EXPECT_EQ(when.probing(), milliseconds{25} * count);
    EXPECT_LE(when.probing(), share * when.training());
    EXPECT_GT(when.probing() + budget::seconds{0.026}, share * when.training()) << "and uses it";
  }
}

TEST(time_budget_test, evaluates_at_the_first_step_and_then_waits_until_it_is_paid_for) {
  budget when{0.1};
  EXPECT_EQ(evaluations(when, 1), 1);
  // 25 ms more are within 10 % of 500 ms: the 50th step from here.
  EXPECT_EQ(evaluations(when, 49), 0);
  EXPECT_EQ(evaluations(when, 1), 1);
}

TEST(time_budget_test, a_loaded_state_goes_on_without_the_time_between) {
  budget when{0.1};
  evaluations(when, 30);
  hand_clock::pass(milliseconds{100'000});
  budget loaded{0.1};
  load_state(loaded, save_state(when));
  // The clock starts again at the next step, so that one is not counted.
  EXPECT_EQ(evaluations(loaded, 21), 0);
  EXPECT_EQ(evaluations(loaded, 1), 1);
}

TEST(time_budget_test, refuses_a_state_of_no_times) {
  state_writer out;
  out.section("time_budget", 1);
  out(std::numeric_limits<double>::quiet_NaN());
  budget when{0.1};
  EXPECT_THAT([&] { load_state(when, out.bytes()); },
              testing::ThrowsMessage<state_error>("saved state: nan s is no duration"));
}

TEST(time_budget_test, reset_equals_fresh) {
  budget when{0.1};
  evaluations(when, 30);
  when.reset();
  EXPECT_EQ(save_state(when), save_state(budget{0.1}));
  EXPECT_EQ(evaluations(when, 1), 1);
}

TEST(time_budget_test, a_monitor_measures_its_probe) {
  convergence_monitor monitor{[] {
                                hand_clock::pass(milliseconds{25});
                                return 1.0;
                              },
                              step_limit{6100}, budget{0.1}};
  const auto train = [](auto& monitored, std::size_t first, std::size_t last) {
    for (std::size_t step = first; step <= last; ++step) {
      hand_clock::pass(milliseconds{10});
      monitored.after_step(step);
    }
  };
  train(monitor, 1, 501);
  EXPECT_EQ(monitor.schedule().training().count(), 5.0);
  EXPECT_EQ(monitor.records().size(), 20U);

  convergence_monitor loaded{[] { return 1.0; }, step_limit{6100}, budget{0.1}};
  load_state(loaded, save_state(monitor));
  EXPECT_EQ(loaded.schedule().training(), monitor.schedule().training());
  EXPECT_EQ(loaded.schedule().probing(), monitor.schedule().probing());

  monitor.reset();
  EXPECT_EQ(monitor.schedule().training().count(), 0.0);
}

TEST(time_budget_test, time_in_a_probe_that_throws_is_no_training_time) {
  convergence_monitor monitor{[]() -> double {
                                hand_clock::pass(milliseconds{25});
                                throw std::runtime_error("out of memory");
                              },
                              step_limit{6100}, budget{0.1}};
  EXPECT_THROW(monitor.after_step(1), std::runtime_error);
  hand_clock::pass(milliseconds{10});
  monitor.after_step(2);
  EXPECT_EQ(monitor.schedule().training(), milliseconds{10});
  EXPECT_EQ(monitor.schedule().probing(), milliseconds{25});
}

TEST(time_budget_test, runs_on_the_steady_clock) {
  time_budget when{1.0};
  EXPECT_EQ(when.share(), 1.0);
  EXPECT_TRUE(when.due(1));
  when.evaluated();
  EXPECT_GE(when.probing().count(), 0.0);
}

TEST(time_budget_test, refuses_a_share_that_is_none) {
  for (const double share : {0.0, -0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_THROW(time_budget<>{share}, std::invalid_argument);
  EXPECT_THAT([] { time_budget<>{0.0}; }, testing::ThrowsMessage<std::invalid_argument>(
                                              "time_budget: the share must be above 0 and at most 1, not 0"));
}

}  // namespace
}  // namespace dvar
