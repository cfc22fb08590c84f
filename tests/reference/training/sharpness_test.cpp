#include "training/sharpness.hpp"

#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

namespace dvar::training {
namespace {

at::Tensor row(std::initializer_list<double> values) {
  return torch::tensor(std::vector<double>(values), at::kDouble);
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

/// Computes f(w) = 1/2 w' A w, whose gradient is known at any point, A w.
struct quadratic {
  at::Tensor curvature = row({4.0, 1.0, 1.0, 3.0}).view({2, 2});
  at::Tensor w = row({1.0, -2.0}).set_requires_grad(true);

  at::Tensor gradient() const {
    const at::Tensor loss = 0.5 * w.dot(curvature.mv(w));
    return torch::autograd::grad({loss}, {w}).front();
  }
  at::Tensor gradient_at(const at::Tensor& point) const { return curvature.mv(point); }
};

// g = A w = (2, -5), |g| = sqrt(29), so the worst point at distance 0.1 is w + 0.1 g / sqrt(29), where the gradient is
// A w + 0.1 A g / sqrt(29), with A g = (3, -13).
TEST(sharpness_test, descends_along_the_gradient_of_the_perturbed_point) {
  const quadratic f;
  const at::Tensor gradient =
      sharpness_aware_gradient(f.w, f.gradient(), [&] { return f.gradient(); }, {.radius = 0.1});
  const double norm = std::sqrt(29.0);
  EXPECT_LT(largest_difference(gradient, row({2.0 + 0.3 / norm, -5.0 - 1.3 / norm})), 1e-12);
}

// The shortcut: the second gradient taken from the first forward pass. It is the gradient of the unperturbed point, and
// the method plain descent.
TEST(sharpness_test, is_not_the_shortcut_that_reuses_the_first_pass) {
  const quadratic f;
  const at::Tensor loss = 0.5 * f.w.dot(f.curvature.mv(f.w));
  const at::Tensor first = torch::autograd::grad({loss}, {f.w}, {}, /*retain_graph=*/true).front();
  const at::Tensor real = sharpness_aware_gradient(f.w, first, [&] { return f.gradient(); }, {.radius = 0.1});
  EXPECT_GT(largest_difference(real, first), 0.05);
  EXPECT_LT(largest_difference(real, f.gradient_at(f.w.detach() + ascent(f.w, first, {.radius = 0.1}))),
            1e-12);
}

TEST(sharpness_test, the_ascent_has_the_radius) {
  const at::Tensor step = ascent(row({1.0, 1.0}), row({3.0, -4.0}), {.radius = 0.05});
  EXPECT_NEAR(step.norm().item<double>(), 0.05, 1e-12);
  EXPECT_LT(largest_difference(step, row({0.03, -0.04})), 1e-12);
}

// T = |w| + eta = (2.5, 0.5), T g = (2.5, 1), |T g| = sqrt(7.25): e = rho T² g / |T g|.
TEST(sharpness_test, the_adaptive_ascent_scales_with_the_components) {
  const at::Tensor step =
      ascent(row({-2.0, 0.0}), row({1.0, 2.0}), {.radius = 0.2, .adaptive = true, .floor = 0.5});
  const double norm = std::sqrt(7.25);
  EXPECT_LT(largest_difference(step, row({0.2 * 6.25 / norm, 0.2 * 0.5 / norm})), 1e-12);
}

// Multiplying w by a scale and the gradient by its inverse describes the same function of rescaled components: the
// adaptive step scales with them, so that what it does to the function is the same (section 3 of the paper).
TEST(sharpness_test, the_adaptive_ascent_is_invariant_to_scale) {
  const sharpness_options options{.radius = 0.3, .adaptive = true, .floor = 0.0};
  const at::Tensor w = row({1.0, -2.0, 0.5});
  const at::Tensor g = row({0.3, 0.1, -0.7});
  const at::Tensor scale = row({10.0, 0.1, 3.0});
  EXPECT_LT(largest_difference(ascent(w * scale, g / scale, options), ascent(w, g, options) * scale), 1e-12);
}

TEST(sharpness_test, the_point_is_restored_bit_for_bit) {
  quadratic f;
  const at::Tensor before = f.w.detach().clone();
  sharpness_aware_gradient(f.w, f.gradient(), [&] { return f.gradient(); }, {.radius = 0.1});
  EXPECT_TRUE(at::equal(before, f.w.detach()));
  const auto fails = [&]() -> at::Tensor { throw std::runtime_error("no second pass"); };
  EXPECT_THROW(sharpness_aware_gradient(f.w, f.gradient(), fails, {.radius = 0.1}), std::runtime_error);
  EXPECT_TRUE(at::equal(before, f.w.detach()));
}

TEST(sharpness_test, a_zero_gradient_has_no_worst_direction) {
  const at::Tensor w = row({1.0, 2.0});
  EXPECT_EQ(ascent(w, at::zeros_like(w), {}).abs().max().item<double>(), 0.0);
  EXPECT_EQ(ascent(w, at::zeros_like(w), {.adaptive = true}).abs().max().item<double>(), 0.0);
}

TEST(sharpness_test, refuses_a_radius_that_is_none) {
  const at::Tensor w = row({1.0});
  EXPECT_THROW(ascent(w, w, {.radius = 0.0}), std::invalid_argument);
  EXPECT_THROW(ascent(w, w, {.floor = -1.0}), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::training
