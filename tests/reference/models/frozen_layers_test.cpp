// The layers of frozen networks beside LibTorch's own, and their gradients.
#include <gtest/gtest.h>

#include "models/frozen_convolution.hpp"
#include "models/frozen_product.hpp"
#include "models/frozen_weight.hpp"

namespace dvar::models {
namespace {

struct outcome {
  at::Tensor value;
  at::Tensor gradient;
};

/// Returns what `compute` gives, and its gradient against random numbers.
template <class Compute>
outcome of(const at::Tensor& input, Compute compute) {
  torch::manual_seed(5);
  const at::Tensor variable = input.detach().clone(at::MemoryFormat::Preserve).set_requires_grad(true);
  const at::Tensor value = compute(variable);
  const at::Tensor weights = torch::randn(value.sizes(), value.options());
  return {value.detach(), torch::autograd::grad({value}, {variable}, {weights}).front()};
}

void expect_same(const outcome& found, const outcome& expected) {
  const auto error = [](const at::Tensor& one, const at::Tensor& other) {
    return ((one - other).norm() / other.norm()).item<double>();
  };
  ASSERT_EQ(found.value.sizes(), expected.value.sizes());
  ASSERT_EQ(found.gradient.sizes(), expected.gradient.sizes());
  EXPECT_LT(error(found.value, expected.value), 1e-6);
  EXPECT_LT(error(found.gradient, expected.gradient), 1e-6);
}

at::Tensor images(at::IntArrayRef shape) {
  return torch::randn(shape).contiguous(at::MemoryFormat::ChannelsLast);
}

class frozen_layers_test : public testing::Test {
 protected:
  void SetUp() override { torch::manual_seed(1); }
};

TEST_F(frozen_layers_test, products_are_linear_layers) {
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{7, 24}, {2, 5, 24}, {2, 3, 4, 24}, {1, 24}}) {
    for (const bool with_offset : {false, true}) {
      const at::Tensor input = torch::randn(shape);
      const at::Tensor weight = torch::randn({36, 24});
      const at::Tensor offset = with_offset ? torch::randn({36}) : at::Tensor{};
      EXPECT_TRUE(has_frozen_product(input, weight));
      expect_same(of(input, [&](const at::Tensor& x) { return frozen_product(x, weight, offset); }),
                  of(input, [&](const at::Tensor& x) { return at::linear(x, weight, offset); }));
      const at::NoGradGuard no_gradient;
      EXPECT_TRUE(
          at::allclose(frozen_product(input, weight, offset), at::linear(input, weight, offset), 1e-5, 1e-5));
    }
  }
}

TEST_F(frozen_layers_test, a_product_takes_an_input_in_any_order) {
  const at::Tensor input = torch::randn({24, 5, 3}).transpose(0, 2);
  const at::Tensor weight = torch::randn({36, 24});
  expect_same(of(input, [&](const at::Tensor& x) { return frozen_product(x, weight); }),
              of(input, [&](const at::Tensor& x) { return at::linear(x, weight); }));
}

TEST_F(frozen_layers_test, a_weight_that_is_trained_gets_its_gradient) {
  const at::Tensor weight = torch::randn({36, 24}).set_requires_grad(true);
  EXPECT_FALSE(has_frozen_product(torch::randn({5, 24}), weight));
  EXPECT_EQ(
      torch::autograd::grad({frozen_product(torch::randn({5, 24}), weight).sum()}, {weight}).front().sizes(),
      weight.sizes());
}

TEST_F(frozen_layers_test, other_types_are_libtorchs) {
  for (const at::ScalarType type : {at::kDouble, at::kBFloat16}) {
    const at::Tensor input = torch::randn({5, 24}).to(type);
    const at::Tensor weight = torch::randn({36, 24}).to(type);
    EXPECT_FALSE(has_frozen_product(input, weight));
    EXPECT_TRUE(at::equal(frozen_product(input, weight), at::linear(input, weight)));
  }
}

struct convolution_case {
  std::int64_t kernel, stride, padding, size, channels_in, channels_out;
};

TEST_F(frozen_layers_test, convolutions_are_convolutions) {
  // Pointwise; few pixels: as they are, with a stride, without padding, more padding than needed; and many pixels.
  for (const auto& [kernel, stride, padding, size, in, out] : {convolution_case{1, 1, 0, 5, 12, 20},
                                                               {3, 1, 1, 2, 40, 72},
                                                               {3, 2, 1, 4, 40, 72},
                                                               {3, 2, 0, 5, 40, 72},
                                                               {5, 1, 2, 2, 16, 72},
                                                               {3, 1, 2, 1, 8, 120},
                                                               {3, 1, 1, 9, 8, 16},
                                                               {1, 2, 0, 4, 8, 72}}) {
    SCOPED_TRACE(kernel * 100 + stride * 10 + padding);
    const at::Tensor input = images({2, in, size, size + 1});
    const at::Tensor weight = images({out, in, kernel, kernel});
    const at::Tensor offset = torch::randn({out});
    const auto ours = [&, stride = stride, padding = padding](const at::Tensor& x) {
      return frozen_convolution(x, weight, offset, stride, padding);
    };
    const auto libtorchs = [&, stride = stride, padding = padding](const at::Tensor& x) {
      return at::conv2d(x, weight, offset, stride, padding);
    };
    expect_same(of(input, ours), of(input, libtorchs));
    EXPECT_TRUE(ours(input).is_contiguous(at::MemoryFormat::ChannelsLast));
    expect_same(of(input.contiguous(), ours), of(input.contiguous(), libtorchs));
  }
}

TEST_F(frozen_layers_test, a_convolution_of_a_trained_weight_gets_its_gradient) {
  const at::Tensor weight = images({72, 8, 3, 3}).set_requires_grad(true);
  const at::Tensor result = frozen_convolution(images({1, 8, 2, 2}), weight, {}, 1, 1);
  EXPECT_EQ(torch::autograd::grad({result.sum()}, {weight}).front().sizes(), weight.sizes());
}

TEST_F(frozen_layers_test, weights_are_laid_out_in_another_type_and_order) {
  for (const at::ScalarType from : {at::kFloat, at::kHalf, at::kBFloat16}) {
    for (const at::ScalarType to : {at::kFloat, at::kDouble}) {
      for (const std::vector<std::int64_t>& shape :
           {std::vector<std::int64_t>{5, 7}, {5, 7, 1, 1}, {5, 7, 3, 3}, {40, 33, 5, 5}, {1, 1, 2, 3}}) {
        const at::Tensor weight = torch::randn(shape).to(from);
        const at::Tensor found = laid_out(weight, to);
        EXPECT_EQ(found.scalar_type(), to);
        EXPECT_TRUE(at::equal(found, weight.to(to)));
        EXPECT_TRUE(shape.size() == 2 || found.is_contiguous(at::MemoryFormat::ChannelsLast));
      }
    }
  }
}

TEST_F(frozen_layers_test, weights_in_order_are_not_copied) {
  const at::Tensor matrix = torch::randn({5, 7});
  EXPECT_TRUE(laid_out(matrix, at::kFloat).is_same(matrix));
  const at::Tensor places = images({5, 7, 3, 3});
  EXPECT_TRUE(laid_out(places, at::kFloat).is_same(places));
}

TEST_F(frozen_layers_test, weights_of_another_type_give_what_converted_ones_give) {
  const auto expect_equal = [](const outcome& found, const outcome& expected) {
    EXPECT_TRUE(at::equal(found.value, expected.value));
    EXPECT_TRUE(at::equal(found.gradient, expected.gradient));
  };
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    for (const at::ScalarType stored : {at::kHalf, at::kBFloat16}) {
      const at::Tensor row = torch::randn({2, 5, 24}).to(type);
      const at::Tensor matrix = torch::randn({36, 24}).to(stored);
      const at::Tensor offset = torch::randn({36}).to(type);
      expect_equal(of(row, [&](const at::Tensor& x) { return frozen_product(x, matrix, offset); }),
                   of(row, [&](const at::Tensor& x) { return frozen_product(x, matrix.to(type), offset); }));
      for (const std::int64_t size : {2, 9}) {  // few pixels and many
        const at::Tensor input = images({2, 8, size, size}).to(type);
        const at::Tensor weight = torch::randn({72, 8, 3, 3}).to(stored);
        const at::Tensor wide = weight.to(type).contiguous(at::MemoryFormat::ChannelsLast);
        const auto convolved = [](const at::Tensor& by) {
          return [&by](const at::Tensor& x) { return frozen_convolution(x, by, {}, 1, 1); };
        };
        expect_equal(of(input, convolved(weight)), of(input, convolved(wide)));
      }
    }
  }
}

}  // namespace
}  // namespace dvar::models
