// Layers in one beside one layer after another: values, gradients, and what the graph keeps.
#include <gtest/gtest.h>

#include "device/meta.hpp"
#include "models/frozen_product.hpp"
#include "models/gated_gelu.hpp"
#include "models/normed_silu.hpp"

namespace dvar::models {
namespace {

using computation = std::function<at::Tensor(const at::Tensor&)>;

struct norm_parameters {
  at::Tensor weight;
  at::Tensor offset;

  explicit norm_parameters(const at::TensorOptions& options)
      : weight{torch::randn({12}, options)}, offset{torch::randn({12}, options)} {}

  at::Tensor in_one(const at::Tensor& x) const { return normed_silu(x, 3, weight, offset, 1e-5); }
  at::Tensor apart(const at::Tensor& x) const { return at::silu(at::group_norm(x, 3, weight, offset, 1e-5)); }
};

struct gated_product {
  at::Tensor weight;
  at::Tensor offset;

  explicit gated_product(const at::TensorOptions& options)
      : weight{torch::randn({2048, 8}, options)}, offset{torch::randn({2048}, options)} {}

  at::Tensor in_one(const at::Tensor& x) const { return gated_gelu(x, weight, offset); }
  at::Tensor apart(const at::Tensor& x) const { return gated_gelu(frozen_product(x, weight, offset)); }
};

at::Tensor gate(const at::Tensor& x) {
  return gated_gelu(x);
}

at::Tensor gated_apart(const at::Tensor& x) {
  const std::vector<at::Tensor> halves = x.chunk(2, -1);
  return halves[0] * at::gelu(halves[1]);
}

void expect_equal(const at::Tensor& input, const computation& found, const computation& expected) {
  const at::NoGradGuard no_gradient;
  EXPECT_TRUE(at::equal(found(input), expected(input)));
  const at::AutoGradMode with_gradient{true};
  const auto gradient_of = [&](const computation& compute) {
    torch::manual_seed(3);
    const at::Tensor variable = input.detach().clone(at::MemoryFormat::Preserve).set_requires_grad(true);
    const at::Tensor value = compute(variable);
    EXPECT_TRUE(at::equal(value.detach(), expected(input)));
    return torch::autograd::grad({value}, {variable}, {torch::randn_like(value)}).front();
  };
  const at::Tensor one = gradient_of(found), other = gradient_of(expected);
  EXPECT_LT(((one - other).norm() / other.norm()).item<double>(),
            input.scalar_type() == at::kDouble ? 1e-14 : 1e-6);
}

/// Returns the bytes that the graph of a computation keeps beside its input and its result.
std::int64_t kept_by(const at::Tensor& input, const computation& compute) {
  const device::meta_memory counted;
  const at::Tensor value = compute(input.to(device::meta_device()).set_requires_grad(true));
  return counted.held() - static_cast<std::int64_t>(input.nbytes()) -
         static_cast<std::int64_t>(value.nbytes());
}

TEST(fused_layers_test, silu_of_a_norm_is_one_after_the_other) {
  torch::manual_seed(1);
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const norm_parameters norm{type};
    for (const at::Tensor& input :
         {torch::randn({2, 12, 4, 5}, type),
          torch::randn({2, 12, 4, 5}, type).contiguous(at::MemoryFormat::ChannelsLast)})
      expect_equal(
          input, [&](const at::Tensor& x) { return norm.in_one(x); },
          [&](const at::Tensor& x) { return norm.apart(x); });
  }
}

TEST(fused_layers_test, silu_of_a_norm_that_is_trained_has_its_gradients) {
  torch::manual_seed(1);
  norm_parameters norm{at::kDouble};
  norm.weight.set_requires_grad(true);
  norm.offset.set_requires_grad(true);
  const at::Tensor input = torch::randn({2, 12, 4, 5}, at::kDouble).set_requires_grad(true);
  const auto gradients = [&](const at::Tensor& value) {
    return torch::autograd::grad({value.square().sum()}, {input, norm.weight, norm.offset});
  };
  const auto found = gradients(norm.in_one(input)), expected = gradients(norm.apart(input));
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_TRUE(at::equal(found[i], expected[i]));
}

TEST(fused_layers_test, a_gate_is_a_product_with_gelu) {
  torch::manual_seed(1);
  for (const at::ScalarType type : {at::kFloat, at::kDouble})
    expect_equal(torch::randn({2, 5, 24}, type), gate, gated_apart);
}

// The product of 4,096 rows has 32 MiB in fp32, that of one row less a little less.
TEST(fused_layers_test, a_large_product_is_gated_the_same_and_not_kept) {
  torch::manual_seed(1);
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const gated_product layer{type};
    expect_equal(
        torch::randn({1, 4096, 8}, type), [&](const at::Tensor& x) { return layer.in_one(x); },
        [&](const at::Tensor& x) { return layer.apart(x); });
  }
  const gated_product layer{at::TensorOptions{device::meta_device()}};
  const auto kept_of = [&](std::int64_t rows) {
    return kept_by(torch::randn({1, rows, 8}), [&](const at::Tensor& x) { return layer.in_one(x); });
  };
  EXPECT_EQ(kept_of(4096), 0);
  EXPECT_EQ(kept_of(4095), 4095 * 2048 * 4);
}

TEST(fused_layers_test, the_graph_keeps_the_input_and_little_else) {
  torch::manual_seed(1);
  const at::Tensor image = torch::randn({1, 12, 32, 32});
  const norm_parameters norm{at::TensorOptions{device::meta_device()}};
  constexpr std::int64_t moments = 2 * 3 * 4;
  const std::int64_t kept = kept_by(image, [&](const at::Tensor& x) { return norm.in_one(x); });
  EXPECT_GE(kept, moments);
  EXPECT_LT(kept, 1024);
  EXPECT_GE(kept_by(image, [&](const at::Tensor& x) { return norm.apart(x); }),
            static_cast<std::int64_t>(image.nbytes()));
  EXPECT_EQ(kept_by(torch::randn({1, 64, 24}), gate), 0);
  EXPECT_GT(kept_by(torch::randn({1, 64, 24}), gated_apart), 0);
}

}  // namespace
}  // namespace dvar::models
