// What an object was made with can be asked of it, and what is not known yet has no value.

#include <cstddef>
#include <optional>

#include <gtest/gtest.h>

#include <dvar/probe/cadence.hpp>

#include "every_criterion.hpp"

namespace dvar {
namespace {

TEST(options_test, are_those_that_were_given) {
  EXPECT_EQ(already_converged({.observations = 9}).options().observations, 9U);
  EXPECT_EQ(ema_percentile({.lag = 9}).options().lag, 9U);
  EXPECT_EQ(evidence_based({.batch = 9}).options().batch, 9U);
  EXPECT_EQ(geweke({.window = 90}).options().window, 90U);
  EXPECT_EQ(hall({.window = 9}).options().window, 9U);
  EXPECT_EQ(movement({.dimension = 9}).options().dimension, 9U);
  EXPECT_EQ(pflug({.dimension = 9}).options().dimension, 9U);
  EXPECT_EQ(sasa({.batches = 9}).options().batches, 9U);
  EXPECT_EQ(slope_test({.window = 9}).options().window, 9U);
  EXPECT_EQ(trend({.window = 9}).options().window, 9U);
  EXPECT_EQ(exponential_average({.weight = 0.5}).options().weight, 0.5);
  EXPECT_EQ(rolling_quantile({.window = 9}).options().window, 9U);
  EXPECT_EQ(rolling_extremes(9).window(), 9U);
  EXPECT_EQ(step_limit(9).limit(), 9U);
  EXPECT_EQ(cadence(9).every(), 9U);
}

TEST(options_test, a_direction_is_kept) {
  EXPECT_EQ(divergence(direction::maximize, 2.0).better(), direction::maximize);
  EXPECT_EQ(divergence(direction::maximize, 2.0).limit(), 2.0);
  EXPECT_EQ(threshold(direction::maximize, 2.0).better(), direction::maximize);
  EXPECT_EQ(threshold(direction::maximize, 2.0).limit(), 2.0);
  EXPECT_EQ(successive_rises(direction::maximize, {}).better(), direction::maximize);
  EXPECT_EQ(progress_quotient(direction::minimize, {}).best().value(), std::nullopt);
}

TEST(options_test, there_is_no_value_before_there_are_enough_observations) {
  EXPECT_EQ(plateau(direction::minimize, {.window = 8}).progress(), std::nullopt);
  EXPECT_EQ(rolling_slope(8).mean(), std::nullopt);
}

TEST(options_test, a_reader_knows_what_is_left) {
  const auto archive = save_state(step_limit{9});
  EXPECT_EQ(state_reader(archive).remaining(), archive.size() - detail::state_header_size);
}

}  // namespace
}  // namespace dvar
