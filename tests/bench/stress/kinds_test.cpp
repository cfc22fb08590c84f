#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <judging.hpp>
#include <kinds.hpp>

namespace dvar::stress {
namespace {

const kind& find(std::string_view name) {
  const auto kinds = all_kinds();
  return *std::find_if(kinds.begin(), kinds.end(), [&](const kind& each) { return each.name == name; });
}

made_series make(const kind& of, std::uint64_t run, std::size_t length = 1500) {
  made_series made{std::vector<double>(length), std::vector<double>(length)};
  random_stream random{1, 0, run};
  of.make(random, made);
  return made;
}

TEST(kinds_test, have_names_of_their_own) {
  std::set<std::string_view> names;
  for (const kind& each : all_kinds())
    EXPECT_TRUE(names.insert(each.name).second) << each.name;
  EXPECT_EQ(names.size(), 18U);
}

TEST(kinds_test, a_run_follows_from_its_number) {
  for (const kind& each : all_kinds()) {
    EXPECT_EQ(make(each, 7).noiseless, make(each, 7).noiseless) << each.name;
    EXPECT_NE(make(each, 7).observed, make(each, 8).observed) << each.name;
  }
}

TEST(kinds_test, are_finite_but_for_the_broken_one) {
  for (const kind& each : all_kinds()) {
    std::size_t broken = 0;
    for (std::uint64_t run = 0; run < 20; ++run) {
      const made_series made = make(each, run);
      EXPECT_TRUE(std::all_of(made.noiseless.begin(), made.noiseless.end(),
                              [](double value) { return std::isfinite(value); }));
      broken += static_cast<std::size_t>(std::count_if(made.observed.begin(), made.observed.end(),
                                                       [](double value) { return !std::isfinite(value); }));
    }
    if (each.name == "nan_in_the_middle")
      EXPECT_GE(broken, 20U);
    else
      EXPECT_EQ(broken, 0U) << each.name;
  }
}

TEST(kinds_test, what_falls_has_fallen_by_its_end_where_that_is_said) {
  const std::set<std::string> unfinished{"line", "slow_exponential", "power_law"};
  for (const kind& each : all_kinds()) {
    if (each.expected != expectation::falls || unfinished.contains(std::string(each.name))) continue;
    for (std::uint64_t run = 0; run < 50; ++run) {
      const good_stops good = find_good_stops(make(each, run).noiseless, each.expected);
      EXPECT_GT(good.from, 1U) << each.name << ' ' << run;
      EXPECT_LT(good.from, 1500U) << each.name << ' ' << run;
    }
  }
}

TEST(kinds_test, what_rises_again_is_late_before_its_end) {
  for (std::uint64_t run = 0; run < 200; ++run) {
    const good_stops good = find_good_stops(make(find("rising_again"), run).noiseless, expectation::falls);
    EXPECT_TRUE(good.are_expected) << run;
    EXPECT_LE(good.from, *good.to) << run;
  }
}

TEST(kinds_test, series_may_be_short) {
  for (const kind& each : all_kinds())
    for (const std::size_t length : {1U, 2U, 10U})
      EXPECT_EQ(make(each, 1, length).observed.size(), length) << each.name;
}

TEST(kinds_test, noise_has_the_distribution_that_it_should_have) {
  random_stream random{1, 2, 3};
  double sum = 0.0;
  double squares = 0.0;
  int within = 0;
  constexpr int n = 100000;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
    // The upper quartile: python3 -c "from scipy.stats import t; print(t(2).ppf(0.75))"
    within += std::abs(random.student_t2()) < 0.816496580927726 ? 1 : 0;
  }
  EXPECT_NEAR(sum / n, 0.0, 0.015);
  EXPECT_NEAR(squares / n, 1.0, 0.02);
  EXPECT_NEAR(within / static_cast<double>(n), 0.5, 0.008);
}

}  // namespace
}  // namespace dvar::stress
