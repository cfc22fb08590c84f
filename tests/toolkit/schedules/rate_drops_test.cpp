#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/combinators/any_of.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/slope_test.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/threshold.hpp>
#include <dvar/schedules/rate_drops.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::ThrowsMessage;

static_assert(criterion<rate_drops<patience>>);

/// Returns the rates after each of the values.
template <criterion Member>
std::vector<double> rates(rate_drops<Member> schedule, const std::vector<double>& values) {
  std::vector<double> rates;
  for (const double value : values) {
    schedule.observe(value);
    rates.push_back(schedule.rate());
  }
  return rates;
}

TEST(rate_drops_test, lowers_the_rate_begins_anew_and_stops_after_the_last_drop) {
  rate_drops schedule{1.0, {.factor = 0.5, .drops = 2}, patience{direction::minimize, {.patience = 2}}};
  std::vector<double> seen;
  std::size_t observations = 0;
  while (!schedule.latest().stop && observations < 100) {
    schedule.observe(1.0);
    seen.push_back(schedule.rate());
    ++observations;
  }
  // The first value of each beginning is an improvement; the two behind it are none.
  EXPECT_THAT(seen, ElementsAre(1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25));
  EXPECT_EQ(schedule.drops(), 2U);
  EXPECT_EQ(schedule.latest().rule, "patience");
  EXPECT_THAT(schedule.reason(),
              HasSubstr("rate 0.25 after 2 of 2 drops; 2 observations without improvement"));
  EXPECT_TRUE(schedule.observe(1.0).stop);
  EXPECT_EQ(schedule.rate(), 0.25) << "a stop lowers nothing more";
}

TEST(rate_drops_test, without_drops_it_is_its_member) {
  const auto values = test::eventful_values();
  slope_test alone;
  rate_drops schedule{1.0, {.drops = 0}, alone};
  for (const double value : values)
    ASSERT_EQ(schedule.observe(value), alone.observe(value));
}

// import torch
// p = torch.nn.Parameter(torch.zeros(1)); o = torch.optim.SGD([p], lr=1.0)
// s = torch.optim.lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=1, threshold=0, cooldown=2, min_lr=0.1)
// for v in [3, 2, 2, 2, 1, 4, 4, 4, 4, 0.5, 4, float("nan"), 4, 4, 4, 4, 4, 4, 4, 4]: s.step(v); print(s.get_last_lr()[0])
// with torch 2.13.
TEST(rate_drops_test, gives_the_rates_of_reduce_lr_on_plateau) {
  const std::vector<double> values{3, 2, 2, 2, 1, 4, 4, 4, 4, 0.5, 4, std::nan(""), 4, 4, 4, 4, 4, 4, 4, 4};
  const rate_drops schedule{
      1.0,
      {.factor = 0.5, .drops = 100, .cooldown = 2, .min_rate = 0.1, .remembers = drop_memory::least},
      patience{direction::minimize, {.patience = 2}}};
  EXPECT_THAT(rates(schedule, values), ElementsAreArray(std::vector<double>{
                                           1.0,  1.0,   1.0,   0.5,   0.5,   0.5, 0.5, 0.25, 0.25, 0.25,
                                           0.25, 0.125, 0.125, 0.125, 0.125, 0.1, 0.1, 0.1,  0.1,  0.1}));
}

/// Computes as `ReduceLROnPlateau` of torch 2.13 does, with `threshold=0`.
struct plateau_oracle {
  bool minimizes;
  std::size_t patience, cooldown;
  double factor, min_rate, rate = 1.0;
  double best =
      minimizes ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  std::size_t bad = 0, cooling = 0;

  double step(double value) {
    if (minimizes ? value < best : value > best) {
      best = value;
      bad = 0;
    } else {
      ++bad;
    }
    if (cooling > 0) {
      --cooling;
      bad = 0;
    }
    if (bad > patience) {
      rate = std::max(rate * factor, min_rate);
      cooling = cooldown;
      bad = 0;
    }
    return rate;
  }
};

TEST(rate_drops_test, gives_the_rates_of_reduce_lr_on_plateau_on_any_values) {
  std::mt19937_64 random(7);
  for (int run = 0; run < 300; ++run) {
    const bool minimizes = random() % 2 == 0;
    plateau_oracle oracle{.minimizes = minimizes,
                          .patience = random() % 5,
                          .cooldown = random() % 4,
                          .factor = 0.25 + 0.25 * static_cast<double>(random() % 3),
                          .min_rate = random() % 2 == 0 ? 0.0 : 0.01};
    rate_drops schedule{
        1.0,
        {.factor = oracle.factor,
         .drops = 1000,
         .cooldown = oracle.cooldown,
         .min_rate = oracle.min_rate,
         .remembers = minimizes ? drop_memory::least : drop_memory::largest},
        patience{minimizes ? direction::minimize : direction::maximize, {.patience = oracle.patience + 1}}};
    for (int i = 0; i < 100; ++i) {
      const double value = random() % 20 == 0 ? std::nan("") : static_cast<double>(random() % 50);
      schedule.observe(value);
      ASSERT_EQ(schedule.rate(), oracle.step(value)) << run << ", " << i;
    }
  }
}

TEST(rate_drops_test, goes_on_from_its_state) {
  const auto values = test::eventful_values();
  const rate_drops fresh{0.1, {.drops = 2, .cooldown = 3}, patience{direction::minimize, {.patience = 2}}};
  rate_drops whole = fresh;
  for (std::size_t i = 0; i < values.size(); ++i) {
    rate_drops resumed = fresh;
    load_state(resumed, save_state(whole));
    EXPECT_EQ(resumed.rate(), whole.rate());
    EXPECT_EQ(resumed.observe(values[i]), whole.observe(values[i]));
    EXPECT_EQ(save_state(resumed), save_state(whole));
  }
  whole.reset();
  EXPECT_EQ(save_state(whole), save_state(fresh));
  rate_drops other{0.1, {.drops = 3, .cooldown = 3}, patience{direction::minimize, {.patience = 2}}};
  EXPECT_THROW(load_state(other, save_state(fresh)), state_error);
}

TEST(rate_drops_test, is_a_rule_among_rules) {
  any_of rule{rate_drops{1.0, {.drops = 1}, patience{direction::minimize, {.patience = 2}}}, step_limit{4}};
  for (std::size_t step = 1; step <= 3; ++step)
    EXPECT_FALSE(observe_at(rule, 1.0, step).stop);
  EXPECT_EQ(observe_at(rule, 1.0, 4).rule, "step_limit");
  EXPECT_EQ(reported_values(rule).front().name, "rate");
}

TEST(rate_drops_test, refuses_what_is_no_rate) {
  const patience rule{direction::minimize};
  for (const double rate : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_THROW((rate_drops{rate, {}, rule}), std::invalid_argument);
  EXPECT_THAT([&] { (rate_drops{1.0, {.factor = 1.0}, rule}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("rate_drops: factor")));
}

}  // namespace
}  // namespace dvar
