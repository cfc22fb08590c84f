#include "models/parameters.hpp"

#include "toy_models.hpp"

namespace dvar::models {
namespace {

using dvar::test::new_directory;
using testing::ElementsAre;

TEST(random_parameters_test, draws_the_same_for_the_same_seed) {
  random_parameters one{7}, same{7}, other{8};
  const auto draw = [](random_parameters& source) {
    return source.parameter("w", {4, 3}, initial_value::normal(1.0));
  };
  const at::Tensor first = draw(one);
  EXPECT_TRUE(at::equal(first, draw(same)));
  EXPECT_FALSE(at::equal(first, draw(other)));
}

TEST(random_parameters_test, draws_from_the_distribution_asked_for) {
  random_parameters source{7};
  EXPECT_TRUE(at::equal(source.parameter("ones", {3}, initial_value::ones()), torch::ones({3})));
  EXPECT_TRUE(at::equal(source.parameter("zeros", {3}, initial_value::zeros()), torch::zeros({3})));
  // 10000 draws: the deviation is known to 0.7 %, one standard error.
  EXPECT_NEAR(source.parameter("normal", {10000}, initial_value::normal(0.02)).std().item<double>(), 0.02,
              0.001);
  const at::Tensor uniform = source.parameter("uniform", {10000}, initial_value::fan_in(25));
  EXPECT_LE(uniform.abs().max().item<double>(), 0.2);
  EXPECT_NEAR(uniform.abs().mean().item<double>(), 0.1, 0.003);
}

TEST(random_parameters_test, keeps_what_it_drew_and_draws_nothing_twice) {
  random_parameters source{7};
  const at::Tensor weight = source.parameter("conv", {2, 3, 3, 3}, initial_value::fan_in(27));
  EXPECT_TRUE(weight.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(source.drawn().at("conv").is_same(weight));
  EXPECT_THROW(source.parameter("conv", {2, 3, 3, 3}, initial_value::fan_in(27)), std::logic_error);
}

TEST(scope_test, joins_names_with_dots) {
  random_parameters source{7};
  (scope{source} / "blocks" / 2 / "norm")("weight", {3}, initial_value::ones());
  EXPECT_TRUE(source.drawn().contains("blocks.2.norm.weight"));
}

TEST(file_parameters_test, converts_copies_and_remembers_what_was_not_asked_for) {
  const auto directory = new_directory();
  dvar::test::put_model(
      directory, nlohmann::json::object(),
      {{"a", torch::tensor({1.5, 2.5}).to(at::kHalf)}, {"b", torch::zeros({2})}, {"c", torch::ones({1})}});
  const auto files = dvar::weights::open_component(directory);
  file_parameters parameters{files.weights, {.dtype = at::kDouble}};
  EXPECT_TRUE(parameters.offers("a"));
  EXPECT_FALSE(parameters.offers("d"));
  const at::Tensor a = parameters.parameter("a", {2}, initial_value::zeros());
  EXPECT_TRUE(at::equal(a, torch::tensor({1.5, 2.5}, at::kDouble)));
  // A view of the mapped file could not be written to.
  file_parameters as_stored{files.weights, {}};
  as_stored.parameter("b", {2}, initial_value::zeros()).fill_(3.0);
  EXPECT_THAT(parameters.unused(), ElementsAre("b", "c"));
}

}  // namespace
}  // namespace dvar::models
