#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/trace/replay.hpp>
#include <dvar/trace/threshold_grid.hpp>

#include "../streams.hpp"

namespace dvar {
namespace {

TEST(threshold_grid_test, each_cell_is_a_replay) {
  const std::vector<std::size_t> windows{2, 3, 17, 64, 310, 2500};
  const std::vector<double> thresholds{0.4, 0.01, 1.0, 0.15, 0.15, 1e-9};
  for (auto [name, losses] : test::streams(2200)) {
    for (const double bad : {0.0, std::nan("")}) {
      losses[1300] += bad;
      for (const auto policy : {non_finite_policy::keep, non_finite_policy::skip}) {
        const auto stops = threshold_grid(losses, windows, thresholds, policy);
        for (std::size_t w = 0; w < windows.size(); ++w) {
          for (std::size_t t = 0; t < thresholds.size(); ++t) {
            const variance_ratio rule(
                {.window = windows[w], .threshold = thresholds[t], .non_finite = policy});
            ASSERT_EQ(stops(w, t), replay(losses, rule).stopped_at.value_or(never))
                << name << ", window " << windows[w] << ", threshold " << thresholds[t];
          }
        }
      }
    }
  }
}

TEST(threshold_grid_test, tells_the_recorded_steps) {
  const std::vector<std::size_t> windows{2, 4, 90};
  const std::vector<double> thresholds{0.5, 0.001};
  trace records;
  for (std::size_t step = 10; step <= 500; step += 10) {
    const double loss = std::exp(-0.03 * static_cast<double>(step));
    records.append(step - 1, {{"loss", 1.0}});
    records.append(step, {{"probe_loss", loss}, {"clip_score", -loss}});
  }
  const auto stops = threshold_grid(records, windows, thresholds);
  for (std::size_t w = 0; w < windows.size(); ++w) {
    for (std::size_t t = 0; t < thresholds.size(); ++t) {
      const variance_ratio rule({.window = windows[w], .threshold = thresholds[t]});
      EXPECT_EQ(stops(w, t), replay(records, rule).stopped_at.value_or(never));
    }
  }
  EXPECT_EQ(stops(2, 0), never);
  EXPECT_GT(stops(1, 0), 40U);
  // The ratio does not know which way is up.
  EXPECT_EQ(threshold_grid(records, windows, thresholds, non_finite_policy::keep, "clip_score"), stops);
  EXPECT_EQ(threshold_grid(records, windows, thresholds, non_finite_policy::keep, "ratio")(1, 0), never);
}

TEST(threshold_grid_test, of_nothing_is_nothing) {
  const std::vector<std::size_t> windows{5};
  EXPECT_EQ(threshold_grid(std::vector<double>{}, windows, std::vector{0.5})(0, 0), never);
  EXPECT_EQ(threshold_grid(std::vector{1.0}, {}, {}).size(), 0U);
}

TEST(threshold_grid_test, refuses_what_the_rule_refuses) {
  const std::vector losses{1.0, 2.0};
  const std::vector<std::size_t> windows{5, 1};
  EXPECT_THAT(
      [&] { threshold_grid(losses, windows, std::vector{0.5}); },
      testing::ThrowsMessage<std::invalid_argument>("variance_ratio: window must be at least 2, not 1"));
  EXPECT_THAT([&] { threshold_grid(losses, {}, std::vector{0.5, 1.5}); },
              testing::ThrowsMessage<std::invalid_argument>(
                  "variance_ratio: threshold must be above 0 and at most 1, not 1.5"));
}

}  // namespace
}  // namespace dvar
