#include "models/network_block.hpp"

#include <gtest/gtest.h>

#include "models/clip.hpp"
#include "models/unet_2d_condition.hpp"
#include "toy_models.hpp"

namespace dvar::models {
namespace {

TEST(network_block_test, a_checkpointed_block_keeps_its_inputs_alone) {
  int calls = 0;
  const network_block block = [&](at::TensorList inputs) {
    ++calls;
    return (inputs[0] * inputs[1]).exp();
  };
  const at::Tensor a = torch::rand({3}).set_requires_grad(true);
  const at::Tensor b = torch::rand({3});
  const at::Tensor plain = call_block(block, {a, b}, /*checkpointed=*/false);
  const at::Tensor checkpointed = call_block(block, {a, b}, /*checkpointed=*/true);
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(at::equal(plain, checkpointed));
  const at::Tensor expected = torch::autograd::grad({plain.sum()}, {a}).front();
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(at::equal(expected, torch::autograd::grad({checkpointed.sum()}, {a}).front()));
  EXPECT_EQ(calls, 3);
}

TEST(network_block_test, nothing_is_kept_where_no_gradient_is_wanted) {
  int calls = 0;
  const network_block block = [&](at::TensorList inputs) {
    ++calls;
    return inputs[0] * 2;
  };
  EXPECT_FALSE(call_block(block, {torch::rand({3})}, /*checkpointed=*/true).requires_grad());
  const at::NoGradGuard no_gradient;
  EXPECT_FALSE(
      call_block(block, {torch::rand({3}).set_requires_grad(true)}, /*checkpointed=*/true).requires_grad());
  EXPECT_EQ(calls, 2);
}

TEST(network_block_test, an_input_that_is_not_used_has_no_gradient) {
  const at::Tensor used = torch::rand({3}).set_requires_grad(true);
  const at::Tensor unused = torch::rand({3}).set_requires_grad(true);
  const at::Tensor result =
      call_block([](at::TensorList inputs) { return inputs[0] * 2; }, {used, unused}, /*checkpointed=*/true);
  const auto gradients = torch::autograd::grad({result.sum()}, {used, unused}, {}, false, false, true);
  EXPECT_TRUE(gradients[0].defined());
  EXPECT_TRUE(!gradients[1].defined() || gradients[1].eq(0).all().item<bool>());
}

at::Tensor gradient_of_unet(bool checkpointing) {
  random_parameters parameters{3};
  unet_options options = unet_options::from_config(weights::config_reader{
      test::with(test::unet_config(), "down_block_types", {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D"}),
      "test"});
  options.execution.gradient_checkpointing = checkpointing;
  const unet_2d_condition network{scope{parameters}, options};
  // The last layers of residual branches start at zero, which would hide them.
  at::manual_seed(1);
  for (const auto& [name, parameter] : parameters.drawn())
    parameter.copy_(torch::randn_like(parameter) * 0.3);
  const at::Tensor context = torch::randn({2, 5, options.context_width}).set_requires_grad(true);
  const at::Tensor predicted = network(torch::randn({2, 4, 8, 8}), torch::tensor({3, 700}), context);
  return torch::autograd::grad({predicted.square().sum()}, {context}).front();
}

TEST(network_block_test, the_u_nets_gradients_are_the_same_bits) {
  const at::Tensor plain = gradient_of_unet(false);
  EXPECT_TRUE(at::equal(plain, gradient_of_unet(true)));
  EXPECT_TRUE(plain.abs().sum().item<double>() > 0.0);
}

TEST(network_block_test, the_text_encoders_gradients_are_the_same_bits) {
  const auto gradient = [](bool checkpointing) {
    random_parameters parameters{3};
    auto options = clip_text_options::from_config(weights::config_reader{test::text_config(), "test"},
                                                  /*with_projection=*/false);
    options.encoder.execution.gradient_checkpointing = checkpointing;
    const clip_text network{scope{parameters}, options};
    const at::Tensor vectors = torch::linspace(-1, 1, 24).view({2, 12}).set_requires_grad(true);
    const at::Tensor ids = torch::tensor({{1, 30, 2, 31, 5}, {30, 4, 4, 9, 31}});
    const at::Tensor states = network.encode(network.embed(ids, vectors));
    return torch::autograd::grad({states.square().sum() + states.sin().sum()}, {vectors}).front();
  };
  EXPECT_TRUE(at::equal(gradient(false), gradient(true)));
}

}  // namespace
}  // namespace dvar::models
