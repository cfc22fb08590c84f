#include "training/learning_rate.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

namespace dvar::training {
namespace {

TEST(learning_rate_test, rises_over_the_warm_up_and_falls_to_its_end) {
  const learning_rate_options linear{.shape = schedule_shape::linear, .warmup_steps = 10, .total_steps = 110};
  EXPECT_EQ(learning_rate_at(0, 2.0, linear), 0.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(5, 2.0, linear), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(10, 2.0, linear), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(60, 2.0, linear), 1.0);
  EXPECT_EQ(learning_rate_at(200, 2.0, linear), 0.0);
}

TEST(learning_rate_test, is_constant_unless_asked_otherwise) {
  EXPECT_EQ(learning_rate_at(0, 5e-4, {.warmup_steps = 100}), 5e-4);
  EXPECT_EQ(learning_rate_at(9000, 5e-4, {}), 5e-4);
}

TEST(learning_rate_test, names_come_back_as_shapes) {
  EXPECT_EQ(schedule_shapes.list(),
            "constant, constant_with_warmup, linear, cosine, cosine_with_restarts or polynomial");
  for (const schedule_shape shape : {schedule_shape::constant, schedule_shape::cosine_with_restarts})
    EXPECT_EQ(schedule_shapes.value_of(schedule_shapes.name_of(shape), "x"), shape);
}

TEST(learning_rate_test, a_polynomial_cannot_rise) {
  const learning_rate_options options{.shape = schedule_shape::polynomial, .last = 1e-3};
  EXPECT_THROW(learning_rate_at(1, 1e-4, options), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::training
