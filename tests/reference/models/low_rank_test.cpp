#include "models/low_rank.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

#include "models/unet_2d_condition.hpp"
#include "toy_models.hpp"

namespace dvar::models {
namespace {

class low_rank_test : public testing::Test {
 protected:
  explicit low_rank_test(bool checkpointing = false) {
    unet_options options = unet_options::from_config(weights::config_reader{test::unet_config(), "test"});
    options.execution.gradient_checkpointing = checkpointing;
    network_.emplace(scope{parameters_}, options);
    at::manual_seed(1);
    // The last layers of residual branches start at zero, which would hide the others.
    for (const auto& [name, parameter] : parameters_.drawn())
      parameter.copy_(torch::randn_like(parameter) * 0.3);
    context_ = torch::randn({2, 5, options.context_width});
    sample_ = torch::randn({2, 4, 8, 8});
    for (const added_products& layer : network_->layers_to_add_to()) {
      at::Tensor down = torch::randn({3, layer.in, layer.kernel, layer.kernel}) * 0.2;
      if (layer.kernel == 1) down = down.flatten(1);
      products_[layer.layer] = {{.down = down, .up = torch::randn({layer.out, 3}) * 0.2, .scale = 0.5}};
    }
  }
  at::Tensor predict(const unet_2d_condition& network, const at::Tensor& keys = {}) const {
    conditioning context = context_;
    context.dropout_keys = keys;
    return network(sample_, torch::tensor({3, 700}), context);
  }

  random_parameters parameters_{3};
  std::optional<unet_2d_condition> network_;
  at::Tensor context_;
  at::Tensor sample_;
  low_rank_products products_;
};

TEST_F(low_rank_test, is_the_layer_with_the_product_in_its_weight) {
  const unet_2d_condition with = network_->with(products_);
  const at::Tensor plain = predict(*network_);
  const at::Tensor found = predict(with);
  // The same numbers merged into the weights of the same network.
  for (const auto& [layer, added] : products_) {
    const at::Tensor weight = parameters_.drawn().at(layer + ".weight");
    const at::Tensor product =
        at::matmul(added.front().up, added.front().down.flatten(1)) * added.front().scale;
    weight.add_(product.view(weight.sizes()));
  }
  const at::Tensor merged = predict(*network_);
  EXPECT_LT((found - merged).abs().max().item<double>(), 1e-4 * merged.abs().max().item<double>());
  EXPECT_GT((found - plain).abs().max().item<double>(), 0.01);
}

TEST_F(low_rank_test, products_add_up) {
  low_rank_products half = products_;
  for (auto& [layer, added] : half)
    added.front().scale *= 0.5;
  const at::Tensor expected = predict(network_->with(products_));
  const at::Tensor found = predict(network_->with(half).with(half));
  EXPECT_LT((found - expected).abs().max().item<double>(), 1e-4 * expected.abs().max().item<double>());
}

TEST_F(low_rank_test, layers_have_the_names_and_widths_of_their_weights) {
  std::set<std::string> names;
  for (const added_products& layer : network_->layers_to_add_to()) {
    const at::Tensor weight = parameters_.drawn().at(layer.layer + ".weight");
    EXPECT_EQ(weight.size(0), layer.out) << layer.layer;
    EXPECT_EQ(weight.size(1), layer.in) << layer.layer;
    EXPECT_EQ(weight.dim() == 4, layer.convolution) << layer.layer;
    if (layer.convolution) EXPECT_EQ(weight.size(3), layer.kernel) << layer.layer;
    names.insert(layer.layer);
  }
  for (const char* name :
       {"mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0", "mid_block.resnets.1.conv2",
        "down_blocks.0.resnets.0.time_emb_proj", "down_blocks.1.resnets.0.conv_shortcut",
        "down_blocks.0.downsamplers.0.conv", "up_blocks.0.upsamplers.0.conv"})
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST_F(low_rank_test, elements_are_dropped_by_their_inputs_keys) {
  low_rank_products dropping = products_;
  for (auto& [layer, added] : dropping)
    added.front().dropout = 0.5;
  const unet_2d_condition plain = network_->with(products_);
  const unet_2d_condition with = network_->with(dropping);
  const at::Tensor keys = torch::tensor({3, 4});
  const at::Tensor found = predict(with, keys);
  EXPECT_TRUE(at::equal(found, predict(with, keys)));
  EXPECT_TRUE(at::equal(predict(with), predict(plain))) << "nothing is dropped without keys";
  EXPECT_TRUE(at::equal(predict(plain, keys), predict(plain))) << "nor with a dropout of 0";
  const at::Tensor other = predict(with, torch::tensor({3, 5}));
  EXPECT_LT((other[0] - found[0]).abs().max().item<double>(), 1e-4) << "the first input has the same key";
  EXPECT_GT((other[1] - found[1]).abs().max().item<double>(), 0.01);
  EXPECT_GT((found - predict(plain)).abs().max().item<double>(), 0.01);
}

TEST_F(low_rank_test, refuses_products_that_do_not_fit) {
  const low_rank& any = products_.begin()->second.front();
  EXPECT_THROW(network_->with({{"mid_block.attentions.7.proj_in", {any}}}), std::invalid_argument);
  low_rank wide = any;
  wide.down = torch::zeros({3, any.down.size(1) + 1});
  EXPECT_THROW(network_->with({{products_.begin()->first, {wide}}}), std::invalid_argument);
  low_rank narrow = products_.at("mid_block.resnets.0.conv1").front();
  narrow.down = narrow.down.narrow(2, 0, 1).narrow(3, 0, 1);
  EXPECT_THROW(network_->with({{"mid_block.resnets.0.conv1", {narrow}}}), std::invalid_argument);
  low_rank uneven = any;
  uneven.up = torch::zeros({any.up.size(0), 2});
  EXPECT_THROW(network_->with({{products_.begin()->first, {uneven}}}), std::invalid_argument);
}

class checkpointed_low_rank_test : public low_rank_test {
 protected:
  checkpointed_low_rank_test() : low_rank_test{/*checkpointing=*/true} {}
};

/// Nothing but the factors wants a gradient: the blocks' inputs do not at first.
TEST_F(checkpointed_low_rank_test, factors_have_the_same_gradients) {
  std::vector<at::Tensor> factors;
  const at::Tensor keys = torch::tensor({3, 4});
  for (auto& [layer, added] : products_)
    added.front().dropout = 0.25;
  for (auto& [layer, added] : products_)
    for (const at::Tensor& factor : {added.front().down, added.front().up})
      factors.push_back(factor.set_requires_grad(true));
  const auto gradients = [&](bool checkpointing) {
    unet_options options = network_->options();
    options.execution.gradient_checkpointing = checkpointing;
    test::given_parameters same{parameters_.drawn()};
    const unet_2d_condition network{scope{same}, options};
    return torch::autograd::grad({predict(network.with(products_), keys).square().sum()}, factors);
  };
  const auto plain = gradients(false);
  const auto recomputed = gradients(true);
  for (std::size_t i = 0; i < factors.size(); ++i) {
    EXPECT_TRUE(at::equal(plain[i], recomputed[i])) << i;
    EXPECT_GT(plain[i].abs().max().item<double>(), 0.0) << i;
  }
}

}  // namespace
}  // namespace dvar::models
