#include <cstddef>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/probe/cadence.hpp>
#include <dvar/state.hpp>

namespace dvar {
namespace {

TEST(cadence_test, is_due_at_every_step_by_default) {
  EXPECT_TRUE(cadence{}.due(1));
  EXPECT_TRUE(cadence{}.due(2));
}

TEST(cadence_test, is_due_at_multiples) {
  cadence every_third{3};
  EXPECT_FALSE(every_third.due(1));
  EXPECT_FALSE(every_third.due(2));
  EXPECT_TRUE(every_third.due(3));
  EXPECT_FALSE(every_third.due(4));
  EXPECT_TRUE(every_third.due(300));
}

TEST(cadence_test, is_due_at_the_first_step_past_its_turn) {
  cadence every_tenth{10};
  std::vector<std::size_t> due;
  for (std::size_t step = 1; step < 40; step += 4)
    if (every_tenth.due(step)) due.push_back(step);
  EXPECT_THAT(due, testing::ElementsAre(13, 21, 33));
  EXPECT_FALSE(every_tenth.due(37)) << "told again";
}

TEST(cadence_test, keeps_its_turn_in_its_state_and_forgets_it) {
  cadence saved{10};
  saved.due(13);
  cadence loaded{10};
  load_state(loaded, save_state(saved));
  EXPECT_FALSE(loaded.due(15));
  EXPECT_TRUE(loaded.due(20));
  saved.reset();
  EXPECT_EQ(save_state(saved), save_state(cadence{10}));
  EXPECT_TRUE(saved.due(15));
}

TEST(cadence_test, refuses_zero) {
  EXPECT_THAT([] { cadence{0}; }, testing::ThrowsMessage<std::invalid_argument>(
                                      "cadence: the probe must run every 1 or more steps, not every 0"));
}

}  // namespace
}  // namespace dvar
