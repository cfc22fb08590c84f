#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/combinators/any_of.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/wall_clock_limit.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ThrowsMessage;

/// Goes on when it is told to.
struct manual_clock {
  using duration = milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<manual_clock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept { return time_point{passed}; }

  static inline duration passed{0};
};

using limit = wall_clock_limit<manual_clock>;

template <class Clock>
concept limits = requires { typename wall_clock_limit<Clock>; };

static_assert(criterion<limit>);
static_assert(limits<manual_clock>);
static_assert(!limits<std::chrono::system_clock>);

TEST(wall_clock_limit_test, stops_at_the_limit_and_after_it) {
  limit rule{seconds{10}};
  EXPECT_EQ(rule.latest(), verdict{.statistic = 0.0});
  manual_clock::passed += milliseconds{9999};
  EXPECT_EQ(rule.observe(1.0), verdict{.statistic = 9.999});
  EXPECT_EQ(rule.reason(), "9.999 s of at most 10 s");
  manual_clock::passed += milliseconds{1};
  EXPECT_EQ(rule.observe(std::nan("")),
            (verdict{.stop = true, .rule = "wall_clock_limit", .statistic = 10.0}));
  manual_clock::passed += seconds{2};
  EXPECT_TRUE(rule.observe(1.0).stop);
  EXPECT_EQ(rule.reason(), "the limit of 10 s is reached, after 12 s");
}

TEST(wall_clock_limit_test, looks_at_the_clock_only_when_it_observes) {
  limit rule{seconds{10}};
  manual_clock::passed += seconds{60};
  EXPECT_FALSE(rule.latest().stop);
  EXPECT_EQ(rule.elapsed(), seconds{0});
  EXPECT_TRUE(rule.observe(1.0).stop);
  EXPECT_EQ(rule.elapsed(), seconds{60});
  EXPECT_EQ(rule.limit(), seconds{10});
}

TEST(wall_clock_limit_test, its_own_clock_goes_on) {
  any_of rule{step_limit{1000000000}, wall_clock_limit{milliseconds{20}}};
  const auto begin = std::chrono::steady_clock::now();
  while (!rule.observe(1.0).stop) {
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds{19});
  EXPECT_EQ(rule.latest().rule, "wall_clock_limit");
}

TEST(wall_clock_limit_test, reset_begins_anew) {
  limit rule{seconds{10}};
  manual_clock::passed += seconds{20};
  rule.observe(1.0);
  rule.reset();
  EXPECT_EQ(save_state(rule), save_state(limit{seconds{10}}));
  EXPECT_EQ(rule.latest(), verdict{.statistic = 0.0});
  manual_clock::passed += seconds{9};
  EXPECT_FALSE(rule.observe(1.0).stop);
  manual_clock::passed += seconds{1};
  EXPECT_TRUE(rule.observe(1.0).stop);
}

TEST(wall_clock_limit_test, a_loaded_state_continues_without_the_time_between) {
  limit rule{seconds{10}};
  manual_clock::passed += seconds{6};
  rule.observe(1.0);
  const auto archive = save_state(rule);
  manual_clock::passed += seconds{1000};
  limit loaded{seconds{10}};
  load_state(loaded, archive);
  EXPECT_EQ(loaded.latest(), rule.latest());
  EXPECT_EQ(save_state(loaded), archive);
  manual_clock::passed += milliseconds{3999};
  EXPECT_FALSE(loaded.observe(1.0).stop);
  manual_clock::passed += milliseconds{1};
  EXPECT_TRUE(loaded.observe(1.0).stop);
  // A second interruption adds up with the first part.
  limit longer{seconds{12}};
  load_state(longer, save_state(loaded));
  EXPECT_FALSE(longer.latest().stop);
  manual_clock::passed += seconds{2};
  EXPECT_TRUE(longer.observe(1.0).stop);
}

TEST(wall_clock_limit_test, is_made_from_its_options) {
  const limit rule{{.seconds = 2.5}};
  EXPECT_EQ(rule.options().seconds, 2.5);
  EXPECT_EQ(rule.limit(), milliseconds{2500});
}

TEST(wall_clock_limit_test, refuses_a_limit_out_of_range) {
  const auto refused = [](const char* found) {
    return ThrowsMessage<std::invalid_argument>(
        std::string("wall_clock_limit: seconds must be finite and above 0, not ") + found);
  };
  EXPECT_THAT([] { limit rule(seconds{0}); }, refused("0"));
  EXPECT_THAT([] { limit rule(limit::seconds{std::nan("")}); }, refused("nan"));
  EXPECT_THAT([] { limit rule(limit::seconds{HUGE_VAL}); }, refused("inf"));
  EXPECT_THAT([] { limit rule{wall_clock_limit_options{}}; }, refused("0"));
}

TEST(wall_clock_limit_test, observes_without_allocating) {
  test::expect_no_allocation(wall_clock_limit{std::chrono::hours{1}}, test::eventful_values());
}

TEST(wall_clock_limit_test, reports_its_seconds) {
  limit rule{seconds{10}};
  manual_clock::passed += milliseconds{2500};
  rule.observe(1.0);
  const auto values = reported_values(rule);
  ASSERT_EQ(values.size(), 1U);
  EXPECT_EQ(values[0].rule, "wall_clock_limit");
  EXPECT_EQ(values[0].name, "seconds");
  EXPECT_EQ(values[0].value, 2.5);
  EXPECT_EQ(values[0].value, rule.elapsed().count());
  EXPECT_EQ(values[0].stops, (stop_bound{stop_bound::comparison::greater_equal, 10.0}));
}

TEST(wall_clock_limit_test, its_options_name_every_member_once) {
  [[maybe_unused]] const auto [time] = wall_clock_limit_options{};
  const auto [first] = wall_clock_limit_options::fields();
  EXPECT_EQ(first.name, "seconds");
  EXPECT_EQ(first.member, &wall_clock_limit_options::seconds);
  EXPECT_TRUE(first.required);
}

}  // namespace
}  // namespace dvar
