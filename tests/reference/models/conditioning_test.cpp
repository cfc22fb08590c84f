#include "models/conditioning.hpp"

#include <gtest/gtest.h>

#include "models/unet_2d_condition.hpp"
#include "toy_models.hpp"

namespace dvar::models {
namespace {

conditioning of(double value, std::int64_t batch) {
  return {torch::full({batch, 3, 12}, value), torch::full({batch, 5}, value),
          torch::full({batch, 6}, 9, at::kLong)};
}

TEST(conditioning_test, is_made_for_a_batch_and_put_behind_another) {
  const conditioning both = of(1.0, 1).expanded(2).followed_by(of(2.0, 1));
  EXPECT_EQ(both.states.sizes(), (std::vector<std::int64_t>{3, 3, 12}));
  EXPECT_TRUE(
      at::equal(both.pooled, torch::tensor({1.0, 1.0, 2.0}).unsqueeze(1).expand({3, 5}).to(at::kFloat)));
  EXPECT_EQ(both.sizes.sizes(), (std::vector<std::int64_t>{3, 6}));
  const conditioning states_alone =
      conditioning{torch::ones({1, 3, 12})}.expanded(4).followed_by({torch::ones({1, 3, 12})});
  EXPECT_EQ(states_alone.states.size(0), 5);
  EXPECT_FALSE(states_alone.pooled.defined() || states_alone.sizes.defined());
}

TEST(conditioning_test, says_nothing_of_texts_and_the_same_of_sizes) {
  const conditioning nothing = of(2.0, 2).without_text();
  EXPECT_EQ(nothing.states.abs().max().item<float>(), 0.0F);
  EXPECT_EQ(nothing.pooled.abs().max().item<float>(), 0.0F);
  EXPECT_TRUE(at::equal(nothing.sizes, of(2.0, 2).sizes));
}

TEST(conditioning_test, has_to_be_what_the_network_takes) {
  const at::NoGradGuard no_gradient;
  const auto network = [](nlohmann::json config) {
    random_parameters parameters{1};
    return unet_2d_condition{scope{parameters},
                             unet_options::from_config({std::move(config), "config.json"})};
  };
  nlohmann::json xl = test::unet_config();
  xl.update({{"addition_embed_type", "text_time"},
             {"addition_time_embed_dim", 4},
             {"projection_class_embeddings_input_dim", 5 + 6 * 4}});
  const at::Tensor sample = torch::ones({1, 4, 8, 8}), timesteps = torch::tensor({3});
  const conditioning whole = of(1.0, 1);
  EXPECT_NO_THROW(network(xl)(sample, timesteps, whole));
  EXPECT_NO_THROW(network(test::unet_config())(sample, timesteps, whole.states));
  EXPECT_THROW(network(test::unet_config())(sample, timesteps, whole), std::invalid_argument);
  EXPECT_THROW(network(xl)(sample, timesteps, whole.states), std::invalid_argument);
  EXPECT_THROW(network(xl)(sample, timesteps, {whole.states, whole.pooled}), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::models
