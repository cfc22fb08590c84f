#include "training/make_optimizer.hpp"

#include <gtest/gtest.h>

namespace dvar::training {
namespace {

TEST(make_optimizer_test, gives_the_one_whose_options_it_is_given) {
  const at::Tensor p = torch::ones({1}, at::kDouble).set_requires_grad(true);
  EXPECT_TRUE(make_optimizer({{"p", p}}, sgd_options{})->state().contains("velocity/p"));
  EXPECT_TRUE(make_optimizer({{"p", p}}, adamw_options{})->state().contains("first/p"));
  EXPECT_TRUE(make_optimizer({{"p", p}}, prodigy_options{})->state().contains("start/p"));
}

TEST(make_optimizer_test, passes_the_options_on) {
  EXPECT_THROW(make_optimizer({}, sgd_options{.momentum = 1.0}), std::invalid_argument);
  EXPECT_THROW(make_optimizer({}, adamw_options{.beta_first = 1.0}), std::invalid_argument);
  EXPECT_THROW(make_optimizer({}, prodigy_options{.epsilon = 0.0}), std::invalid_argument);
}

TEST(make_optimizer_test, knows_the_rate_of_each) {
  EXPECT_EQ(learning_rate_of(sgd_options{.learning_rate = 0.5}), 0.5);
  EXPECT_EQ(learning_rate_of(adamw_options{.learning_rate = 0.25}), 0.25);
  EXPECT_EQ(learning_rate_of(prodigy_options{.learning_rate = 2.0}), 2.0);
}

}  // namespace
}  // namespace dvar::training
