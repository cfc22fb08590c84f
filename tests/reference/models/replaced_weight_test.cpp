#include "models/replaced_weight.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

#include "models/unet_2d_condition.hpp"
#include "toy_models.hpp"

namespace dvar::models {
namespace {

class replaced_weight_test : public testing::Test {
 protected:
  replaced_weight_test() {
    network_.emplace(scope{parameters_},
                     unet_options::from_config(weights::config_reader{test::unet_config(), "test"}));
    at::manual_seed(1);
    // The last layers of residual branches start at zero, which would hide the others.
    for (const auto& [name, parameter] : parameters_.drawn())
      parameter.copy_(torch::randn_like(parameter) * 0.3);
    context_ = torch::randn({2, 5, network_->options().context_width});
    sample_ = torch::randn({2, 4, 8, 8});
    for (const auto& [layer, weight] : network_->keys_and_values())
      weights_[layer] = torch::randn_like(weight) * 0.3;
  }
  at::Tensor predict(const unet_2d_condition& network) const {
    return network(sample_, torch::tensor({3, 700}), context_);
  }

  random_parameters parameters_{3};
  std::optional<unet_2d_condition> network_;
  at::Tensor context_;
  at::Tensor sample_;
  layer_weights weights_;
};

TEST_F(replaced_weight_test, layers_are_keys_and_values_of_the_text) {
  ASSERT_FALSE(weights_.empty());
  for (const auto& [layer, weight] : network_->keys_and_values()) {
    EXPECT_TRUE(layer.ends_with(".attn2.to_k") || layer.ends_with(".attn2.to_v")) << layer;
    EXPECT_TRUE(at::equal(weight, parameters_.drawn().at(layer + ".weight"))) << layer;
  }
  EXPECT_EQ(std::ranges::count_if(parameters_.drawn(),
                                  [](const auto& each) {
                                    return each.first.ends_with(".attn2.to_k.weight") ||
                                           each.first.ends_with(".attn2.to_v.weight");
                                  }),
            std::ssize(weights_));
}

TEST_F(replaced_weight_test, is_the_network_with_these_weights) {
  const at::Tensor plain = predict(*network_);
  const at::Tensor found = predict(network_->with_keys_and_values(weights_));
  EXPECT_TRUE(at::equal(plain, predict(*network_))) << "the network itself stays as it is";
  for (const auto& [layer, weight] : weights_)
    parameters_.drawn().at(layer + ".weight").copy_(weight);
  EXPECT_TRUE(at::equal(found, predict(*network_)));
  EXPECT_GT((found - plain).abs().max().item<double>(), 0.01);
}

TEST_F(replaced_weight_test, products_are_added_beside_it) {
  const std::string& layer = weights_.begin()->first;
  const at::Tensor down = torch::randn({2, context_.size(2)}) * 0.3;
  const at::Tensor up = torch::randn({weights_.begin()->second.size(0), 2}) * 0.3;
  const at::Tensor found =
      predict(network_->with_keys_and_values(weights_).with({{layer, {{.down = down, .up = up}}}}));
  weights_[layer] = weights_[layer] + at::matmul(up, down);
  const at::Tensor expected = predict(network_->with_keys_and_values(weights_));
  EXPECT_LT((found - expected).abs().max().item<double>(), 1e-4 * expected.abs().max().item<double>());
}

TEST_F(replaced_weight_test, the_first_position_has_no_gradient) {
  const at::Tensor weight = torch::randn({4, 3}).set_requires_grad(true);
  const at::Tensor input = torch::randn({2, 5, 3}).set_requires_grad(true);
  const at::Tensor offset = torch::randn({4});
  const at::Tensor found = replaced_product(input, weight, offset);
  EXPECT_TRUE(at::equal(found, at::linear(input, weight, offset)));
  const auto gradients = torch::autograd::grad({found.square().sum()}, {weight, input});
  const at::Tensor others = input.detach().slice(1, 1).clone().set_requires_grad(true);
  const auto expected =
      torch::autograd::grad({at::linear(others, weight, offset).square().sum()}, {weight, others});
  EXPECT_TRUE(at::allclose(gradients[0], expected[0]));
  EXPECT_TRUE(at::allclose(gradients[1].slice(1, 1), expected[1]));
  EXPECT_EQ(gradients[1].narrow(1, 0, 1).abs().max().item<double>(), 0.0);
  EXPECT_TRUE(replaced_product(input.narrow(1, 0, 1), weight).sizes() == at::IntArrayRef({2, 1, 4}));
}

/// Nothing but the weights wants a gradient: the blocks' inputs do not at first.
TEST_F(replaced_weight_test, checkpointing_gives_the_same_gradients) {
  std::vector<at::Tensor> leaves;
  for (auto& [layer, weight] : weights_)
    leaves.push_back(weight.set_requires_grad(true));
  const auto gradients = [&](bool checkpointing) {
    unet_options options = network_->options();
    options.execution.gradient_checkpointing = checkpointing;
    test::given_parameters same{parameters_.drawn()};
    const unet_2d_condition network{scope{same}, options};
    return torch::autograd::grad({predict(network.with_keys_and_values(weights_)).square().sum()}, leaves);
  };
  const auto plain = gradients(false);
  const auto recomputed = gradients(true);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    EXPECT_TRUE(at::equal(plain[i], recomputed[i])) << i;
    EXPECT_GT(plain[i].abs().max().item<double>(), 0.0) << i;
  }
}

TEST_F(replaced_weight_test, refuses_weights_that_do_not_fit) {
  const at::Tensor any = weights_.begin()->second;
  const std::string other = "mid_block.attentions.0.transformer_blocks.0.attn1.to_k";
  EXPECT_THROW(network_->with_keys_and_values({{other, any}}), std::invalid_argument);
  EXPECT_THROW(network_->with_keys_and_values({{weights_.begin()->first, any.t()}}), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::models
