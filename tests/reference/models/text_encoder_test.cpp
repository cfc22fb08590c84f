#include "models/text_encoder.hpp"

#include <stdexcept>

#include "toy_models.hpp"

namespace dvar::models {
namespace {

clip_text_options toy_options() {
  return clip_text_options::from_config(weights::config_reader{test::text_config(), "test"},
                                        /*with_projection=*/false);
}

clip_text tower(random_parameters& parameters, std::int64_t projection_width = 0) {
  clip_text_options options = toy_options();
  options.projection_width = projection_width;
  return clip_text{scope{parameters}, options};
}

low_rank_products products_of(const text_encoder& encoder) {
  at::manual_seed(1);
  low_rank_products products;
  for (const added_products& layer : encoder.layers_to_add_to())
    products[layer.layer] = {{.down = torch::randn({2, layer.in}), .up = torch::randn({layer.out, 2})}};
  return products;
}

/// Returns the ids of two texts, which end by 29.
at::Tensor ids_of(const text_encoder& encoder) {
  const std::int64_t length = encoder.max_length() * static_cast<std::int64_t>(encoder.widths().size());
  at::Tensor ids = torch::arange(2 * length).remainder(29).view({2, length});
  ids.select(/*dim=*/1, /*index=*/-1).fill_(29);
  return ids;
}

double apart(const at::Tensor& one, const at::Tensor& other) {
  return (one - other).abs().max().item<double>();
}

TEST(text_encoder_test, products_are_in_the_weights) {
  random_parameters parameters{3};
  const text_encoder encoder{tower(parameters)};
  const low_rank_products products = products_of(encoder);
  EXPECT_EQ(products.size(), 12U);
  const at::Tensor ids = ids_of(encoder);
  const at::Tensor plain = encoder.encode(ids).states;
  const at::Tensor found = encoder.with(products).encode(ids).states;
  for (const auto& [layer, added] : products) {
    constexpr std::string_view component = "text_encoder.";
    ASSERT_TRUE(layer.starts_with(component)) << layer;
    parameters.drawn()
        .at(layer.substr(component.size()) + ".weight")
        .add_(at::matmul(added.front().up, added.front().down));
  }
  EXPECT_LT(apart(found, encoder.encode(ids).states), 1e-4);
  EXPECT_GT(apart(found, plain), 0.1);
}

TEST(text_encoder_test, layers_have_the_same_names_whatever_transformers_wrote) {
  random_parameters parameters{3};
  const text_encoder encoder{tower(parameters)};
  std::map<std::string, at::Tensor> without_prefix;
  for (const auto& [name, tensor] : parameters.drawn())
    without_prefix[name.substr(std::string_view{"text_model."}.size())] = tensor;
  test::given_parameters given{without_prefix};
  const text_encoder other{clip_text{scope{given}, toy_options()}};
  const low_rank_products products = products_of(encoder);
  EXPECT_TRUE(products.contains("text_encoder.text_model.encoder.layers.1.self_attn.out_proj"));
  EXPECT_TRUE(products.contains("text_encoder.text_model.encoder.layers.0.mlp.fc1"));
  const at::Tensor ids = ids_of(encoder);
  EXPECT_TRUE(at::equal(encoder.with(products).encode(ids).states, other.with(products).encode(ids).states));
}

TEST(text_encoder_test, of_two_towers_the_last_layer_of_the_first_has_no_effect) {
  random_parameters of_first{3}, of_second{4};
  const text_encoder encoder{clip_pair{tower(of_first), tower(of_second, 5), 29}};
  const low_rank_products products = products_of(encoder);
  EXPECT_EQ(products.size(), 24U);
  const at::Tensor ids = ids_of(encoder);
  const conditioning plain = encoder.encode(ids);
  std::size_t without = 0;
  for (const added_products& layer : encoder.layers_to_add_to()) {
    const conditioning found = encoder.with({{layer.layer, products.at(layer.layer)}}).encode(ids);
    EXPECT_EQ(layer.has_effect,
              !at::equal(found.states, plain.states) || !at::equal(found.pooled, plain.pooled))
        << layer.layer;
    if (!layer.has_effect) ++without;
  }
  EXPECT_EQ(without, 6U);
}

TEST(text_encoder_test, refuses_products_that_do_not_fit) {
  random_parameters parameters{3};
  const text_encoder encoder{tower(parameters)};
  low_rank_products products = products_of(encoder);
  EXPECT_THROW(encoder.with({{"text_encoder_2.text_model.encoder.layers.0.self_attn.q_proj",
                              products.begin()->second}}),
               std::invalid_argument);
  products.begin()->second.front().down = torch::zeros({2, 13});
  EXPECT_THROW(encoder.with(products), std::invalid_argument);
}

TEST(text_encoder_test, elements_are_dropped_and_factors_learned_with_checkpointing_too) {
  random_parameters parameters{3};
  const text_encoder plain{tower(parameters)};
  test::given_parameters given{parameters.drawn()};
  clip_text_options options = toy_options();
  options.encoder.execution.gradient_checkpointing = true;
  const text_encoder checkpointed{clip_text{scope{given}, options}};
  low_rank_products products = products_of(plain);
  std::vector<at::Tensor> factors;
  for (auto& [layer, added] : products) {
    added.front().dropout = 0.5;
    for (const at::Tensor& factor : {added.front().down, added.front().up})
      factors.push_back(factor.set_requires_grad(true));
  }
  const at::Tensor ids = ids_of(plain), keys = torch::tensor({5, 6});
  const text_encoder with = plain.with(products), with_checkpoints = checkpointed.with(products);
  const at::Tensor expected_states = with.encode(ids, {}, keys).states;
  EXPECT_GT(apart(expected_states, with.encode(ids).states), 0.1);
  EXPECT_TRUE(at::equal(plain.encode(ids, {}, keys).dropout_keys, keys)) << "the UNet drops by them too";
  const auto expected = torch::autograd::grad({expected_states.square().sum()}, factors);
  const auto found =
      torch::autograd::grad({with_checkpoints.encode(ids, {}, keys).states.square().sum()}, factors);
  for (std::size_t i = 0; i < factors.size(); ++i) {
    EXPECT_TRUE(at::equal(expected[i], found[i])) << i;
    EXPECT_GT(expected[i].abs().max().item<double>(), 0.0) << i;
  }
}

}  // namespace
}  // namespace dvar::models
