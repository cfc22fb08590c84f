#include "training/spherical_sgd.hpp"

#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

namespace dvar::training {
namespace {

token_sphere sphere_of(std::vector<std::int64_t> widths, const std::vector<double>& norms) {
  std::vector<at::Tensor> scalars;
  for (const double norm : norms)
    scalars.push_back(torch::tensor(norm, at::kDouble));
  return {std::move(widths), std::move(scalars)};
}

at::Tensor stepped(const at::Tensor& start, const at::Tensor& gradient, const token_sphere& sphere,
                   const spherical_sgd_options& options) {
  at::Tensor vectors = start.clone();
  spherical_sgd optimizer{vectors, sphere, options};
  vectors.mutable_grad() = gradient;
  optimizer.step();
  return vectors;
}

bool near(const at::Tensor& found, const at::Tensor& expected) {
  return at::allclose(found, expected, 1e-12, 1e-12);
}

// Of (5, 3) at (1, 0) only the second number is along the circle; its size does not count.
TEST(spherical_sgd_test, turns_by_the_rate) {
  const spherical_sgd_options options{.learning_rate = 0.75, .prior = 0.0};
  const at::Tensor start = torch::tensor({{2.0, 0.0}}, at::kDouble);
  const at::Tensor expected = torch::tensor({{1.6, -1.2}}, at::kDouble);
  for (const double size : {1e-3, 1.0, 1e3}) {
    const at::Tensor gradient = torch::tensor({{5.0, 3.0}}, at::kDouble) * size;
    EXPECT_TRUE(at::allclose(stepped(start, gradient, sphere_of({2}, {2.0}), options), expected, 1e-5, 0.0));
  }
  EXPECT_TRUE(near(stepped(start, torch::zeros({1, 2}, at::kDouble), sphere_of({2}, {2.0}), options), start));
}

// Without a gradient the prior alone draws, to where the vector began.
TEST(spherical_sgd_test, the_prior_draws_back) {
  at::Tensor vectors = torch::tensor({{3.0, 0.0}}, at::kDouble);
  spherical_sgd optimizer{vectors, sphere_of({2}, {3.0}), {.learning_rate = 0.1, .prior = 1e-4}};
  vectors.copy_(torch::tensor({{0.0, 3.0}}, at::kDouble));
  vectors.mutable_grad() = torch::zeros({1, 2}, at::kDouble);
  optimizer.step();
  EXPECT_NEAR(std::atan2(vectors[0][0].item<double>(), vectors[0][1].item<double>()), std::atan(0.1), 1e-4);
  EXPECT_NEAR(vectors.norm().item<double>(), 3.0, 1e-12);
}

// Of a row of two text encoders each part turns on its own sphere, as if the other were not there.
TEST(spherical_sgd_test, parts_are_apart) {
  const spherical_sgd_options options{.learning_rate = 0.3};
  const at::Tensor left = torch::tensor({{2.0, 0.0}, {0.0, -2.0}}, at::kDouble);
  const at::Tensor right = torch::tensor({{0.0, 3.0, 4.0}, {5.0, 0.0, 0.0}}, at::kDouble);
  const at::Tensor of_left = torch::tensor({{1.0, 2.0}, {3.0, 4.0}}, at::kDouble);
  const at::Tensor of_right = torch::tensor({{-1.0, 1.0, 1.0}, {2.0, 7.0, -3.0}}, at::kDouble);
  const at::Tensor both = stepped(at::cat({left, right}, 1), at::cat({of_left, of_right}, 1),
                                  sphere_of({2, 3}, {2.0, 5.0}), options);
  EXPECT_TRUE(near(both.narrow(1, 0, 2), stepped(left, of_left, sphere_of({2}, {2.0}), options)));
  EXPECT_TRUE(near(both.narrow(1, 2, 3), stepped(right, of_right, sphere_of({3}, {5.0}), options)));
}

TEST(spherical_sgd_test, options_out_of_range_are_refused) {
  const at::Tensor vectors = torch::tensor({{2.0, 0.0}}, at::kDouble);
  EXPECT_THROW((spherical_sgd{vectors, sphere_of({2}, {2.0}), {.learning_rate = -1.0}}),
               std::invalid_argument);
  EXPECT_THROW((spherical_sgd{vectors, sphere_of({2}, {2.0}), {.prior = -1.0}}), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::training
