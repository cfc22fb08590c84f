#include "training/loss_scaler.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

namespace dvar::training {
namespace {

TEST(loss_scaler_test, grows_after_an_interval_of_finite_steps_and_backs_off_at_once) {
  loss_scaler scaler{{.initial = 8.0, .growth_interval = 3}};
  EXPECT_TRUE(scaler.update(true));
  EXPECT_TRUE(scaler.update(true));
  EXPECT_EQ(scaler.scale(), 8.0);
  EXPECT_TRUE(scaler.update(true));
  EXPECT_EQ(scaler.scale(), 16.0);
  scaler.update(true);
  scaler.update(true);
  EXPECT_TRUE(scaler.update(false));
  EXPECT_EQ(scaler.scale(), 8.0);
  // The two finite steps before do not count any more.
  scaler.update(true);
  EXPECT_EQ(scaler.scale(), 8.0);
}

TEST(loss_scaler_test, gives_up_at_the_least_scale) {
  loss_scaler scaler{{.initial = 4.0, .least = 1.5}};
  EXPECT_TRUE(scaler.update(false));
  EXPECT_EQ(scaler.scale(), 2.0);
  EXPECT_TRUE(scaler.update(false));
  EXPECT_EQ(scaler.scale(), 1.5);
  EXPECT_FALSE(scaler.update(false));
}

TEST(loss_scaler_test, does_not_grow_beyond_fp32) {
  loss_scaler scaler{{.initial = 3e38, .growth_interval = 1}};
  scaler.update(true);
  EXPECT_EQ(scaler.scale(), 3e38);
}

TEST(loss_scaler_test, a_state_continues_exactly) {
  const loss_scaler_options options{.initial = 3.0, .growth_interval = 4};
  loss_scaler whole{options};
  loss_scaler first{options};
  for (const bool finite : {true, false, true, true}) {
    whole.update(finite);
    first.update(finite);
  }
  loss_scaler second{options};
  second.load_state(first.state());
  for (const bool finite : {true, true, true, false, true}) {
    whole.update(finite);
    second.update(finite);
    EXPECT_EQ(whole.scale(), second.scale());
  }
  EXPECT_THROW(second.load_state({}), std::invalid_argument);
}

TEST(loss_scaler_test, refuses_options_that_cannot_work) {
  EXPECT_THROW(loss_scaler{{.growth = 1.0}}, std::invalid_argument);
  EXPECT_THROW(loss_scaler{{.backoff = 1.0}}, std::invalid_argument);
  EXPECT_THROW(loss_scaler{{.growth_interval = 0}}, std::invalid_argument);
  EXPECT_THROW((loss_scaler{{.initial = 0.5, .least = 1.0}}), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::training
