#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/combinators/despiked.hpp>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/step_limit.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

/// Says what it was shown.
struct listener {
  std::vector<double> shown;

  verdict observe(double value) {
    shown.push_back(value);
    return latest();
  }
  [[nodiscard]] verdict latest() const { return {.statistic = static_cast<double>(shown.size())}; }
  [[nodiscard]] std::string reason() const { return "listening"; }
  void reset() { shown.clear(); }
  void report(const report_visitor& /*visitor*/) const {}
  static void state(auto& /*self*/, auto& archive) { archive.section("listener", 1); }
};

std::vector<double> shown(std::size_t width, const std::vector<double>& values) {
  despiked rule{width, listener{}};
  for (const double value : values)
    rule.observe(value);
  return std::get<0>(rule.members()).shown;
}

TEST(despiked_test, shows_the_running_median) {
  const auto values = test::eventful_values();
  const std::vector<double> finite(values.begin(), values.begin() + 120);
  for (const std::size_t width : {1, 3, 7}) {
    std::vector<double> expected;
    for (std::size_t end = width; end <= finite.size(); ++end) {
      std::vector<double> last(finite.begin() + static_cast<std::ptrdiff_t>(end - width),
                               finite.begin() + static_cast<std::ptrdiff_t>(end));
      std::sort(last.begin(), last.end());
      expected.push_back(last[width / 2]);
    }
    EXPECT_EQ(shown(width, finite), expected);
  }
}

TEST(despiked_test, spikes_of_less_than_half_the_width_are_never_seen) {
  for (std::size_t at = 0; at < 19; ++at) {
    std::vector<double> values(20, 1.0);
    values[at] = 50.0;
    EXPECT_THAT(shown(3, values), testing::Each(1.0)) << at;
    values[at + 1] = -50.0;
    EXPECT_THAT(shown(5, values), testing::Each(1.0)) << at;
    values[at] = std::nan("");
    EXPECT_THAT(shown(5, values), testing::Each(1.0)) << at;
  }
}

TEST(despiked_test, a_monotone_loss_passes_as_it_is) {
  EXPECT_THAT(shown(5, {9, 8, 7, 5, 4, 2, 1}), testing::ElementsAre(7, 5, 4));
}

TEST(despiked_test, a_run_that_has_become_nan_is_seen_after_half_the_width) {
  const double nan = std::nan("");
  EXPECT_EQ(test::stop_of(despiked{5, non_finite{}}, std::vector<double>{1, 1, 1, 1, 1, nan, nan, nan, nan}),
            8U);
}

TEST(despiked_test, warms_up_and_says_what_it_shows) {
  despiked rule{3, step_limit{4}};
  EXPECT_EQ(rule.observe(1.0, 1), verdict{.warming_up = true});
  EXPECT_EQ(rule.observe(1.0, 2), verdict{.warming_up = true});
  EXPECT_FALSE(rule.observe(1.0, 3).stop);
  EXPECT_TRUE(rule.observe(1.0, 4).stop);
  EXPECT_EQ(rule.reason(), "medians of 3: " + std::get<0>(rule.members()).reason());
}

TEST(despiked_test, refuses_an_even_width) {
  for (const std::size_t width : {0, 4})
    EXPECT_THROW(despiked(width, non_finite{}), std::invalid_argument);
  EXPECT_THAT([] { despiked(4, non_finite{}); },
              testing::ThrowsMessage<std::invalid_argument>("despiked: the width must be odd, not 4"));
}

}  // namespace
}  // namespace dvar
