#include "training/parameter_set.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

namespace dvar::training {
namespace {

parameter_set two_members() {
  return {{{"vectors", 0.5, {torch::arange(6).view({2, 3})}},
           {"factors", 0.25, {torch::full({2, 2}, 7.0), torch::full({3}, 8.0)}}},
          {}};
}

TEST(parameter_set_test, members_lie_one_after_the_other) {
  const parameter_set set = two_members();
  EXPECT_EQ(set.size(), 13);
  EXPECT_TRUE(at::equal(set.values(),
                        torch::tensor({0., 1., 2., 3., 4., 5., 7., 7., 7., 7., 8., 8., 8.}, at::kFloat)));
  EXPECT_EQ(set.find("vectors")->values.sizes(), (std::vector<std::int64_t>{2, 3})) << "one tensor's shape";
  EXPECT_EQ(set.find("factors")->values.sizes(), (std::vector<std::int64_t>{7}))
      << "several tensors are flat";
  EXPECT_EQ(set.find("factors")->learning_rate, 0.25);
  EXPECT_EQ(set.find("other"), nullptr);
}

TEST(parameter_set_test, what_is_done_to_the_numbers_shows_in_the_tensors) {
  const parameter_set set = two_members();
  at::Tensor{set.values()}.mul_(2.0);
  at::Tensor{set.find("factors")->values}.add_(1.0);
  EXPECT_EQ(set.find("vectors")->leaves[0][1][2].item<double>(), 10.0);
  EXPECT_EQ(set.find("factors")->leaves[0][0][0].item<double>(), 15.0);
  EXPECT_EQ(set.find("factors")->leaves[1][2].item<double>(), 17.0);
}

TEST(parameter_set_test, a_gradient_has_the_numbers_order) {
  const parameter_set set = two_members();
  const at::Tensor& vectors = set.find("vectors")->leaves[0];
  const std::vector<at::Tensor>& factors = set.find("factors")->leaves;
  const at::Tensor gradient =
      set.gradient_of(vectors.square().sum() + 3.0 * factors[0].sum() + 5.0 * factors[1].sum());
  EXPECT_TRUE(
      at::equal(gradient, torch::tensor({0., 2., 4., 6., 8., 10., 3., 3., 3., 3., 5., 5., 5.}, at::kFloat)));
  EXPECT_TRUE(at::equal(parameter_set::part_of(gradient, *set.find("vectors")), 2.0 * vectors));
  EXPECT_TRUE(at::equal(parameter_set::tensors_of(gradient, *set.find("factors"))[1], torch::full({3}, 5.0)));
}

TEST(parameter_set_test, comes_back_as_it_was) {
  const parameter_set saved = two_members();
  at::Tensor{saved.values()}.uniform_();
  parameter_set other = two_members();
  other.load_state(saved.state());
  EXPECT_TRUE(at::equal(other.values(), saved.values()));
}

TEST(parameter_set_test, refuses_a_state_that_does_not_fit_and_stays_as_it_was) {
  parameter_set set = two_members();
  const at::Tensor before = set.values().clone();
  auto missing = two_members().state();
  missing.erase("factors");
  missing["vectors"] = torch::zeros({2, 3});
  EXPECT_THROW(set.load_state(missing), std::invalid_argument);
  EXPECT_THROW(set.load_state({{"vectors", torch::zeros({3, 2})}, {"factors", torch::zeros({7})}}),
               std::invalid_argument);
  EXPECT_TRUE(at::equal(set.values(), before));
}

TEST(parameter_set_test, refuses_nothing_and_a_name_that_is_there_twice) {
  EXPECT_THROW((parameter_set{{}, {}}), std::invalid_argument);
  EXPECT_THROW((parameter_set{{{"a", 1.0, {torch::zeros({1})}}, {"a", 1.0, {torch::zeros({1})}}}, {}}),
               std::invalid_argument);
}

}  // namespace
}  // namespace dvar::training
