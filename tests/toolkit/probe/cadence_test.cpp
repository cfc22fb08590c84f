#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/probe/cadence.hpp>

namespace dvar {
namespace {

TEST(cadence_test, is_due_at_every_step_by_default) {
  EXPECT_TRUE(cadence{}.due(1));
  EXPECT_TRUE(cadence{}.due(2));
}

TEST(cadence_test, is_due_at_multiples) {
  const cadence every_third{3};
  EXPECT_FALSE(every_third.due(1));
  EXPECT_FALSE(every_third.due(2));
  EXPECT_TRUE(every_third.due(3));
  EXPECT_FALSE(every_third.due(4));
  EXPECT_TRUE(every_third.due(300));
}

TEST(cadence_test, refuses_zero) {
  EXPECT_THAT([] { cadence{0}; }, testing::ThrowsMessage<std::invalid_argument>(
                                      "cadence: the probe must run every 1 or more steps, not every 0"));
}

}  // namespace
}  // namespace dvar
