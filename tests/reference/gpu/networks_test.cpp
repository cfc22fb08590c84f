// Every network in toy size, of both families, on random weights: what the device computes, beside float64 on the CPU.
#include <functional>
#include <map>
#include <string>

#include "../models/toy_models.hpp"
#include "device_under_test.hpp"
#include "models/autoencoder_kl.hpp"
#include "models/text_encoder.hpp"
#include "models/unet_2d_condition.hpp"

namespace dvar::models {
namespace {

using test::number_form;

/// Gives random parameters, the same for every placement.
class placed_parameters : public parameter_source {
 public:
  explicit placed_parameters(const placement& placement) : placement_{placement} {}
  bool offers(const std::string&) const override { return true; }
  at::Tensor parameter(const std::string& name, at::IntArrayRef shape, initial_value initial) override {
    // A residual branch that starts at zero would hide what comes before it.
    if (initial.kind == initial_value::distribution::constant && initial.scale == 0.0)
      initial = initial_value::normal(0.1);
    return placement_.parameter(random_.parameter(name, shape, initial));
  }

 private:
  placement placement_;
  random_parameters random_{11};
};

constexpr std::int64_t width = 80;
constexpr std::int64_t vocabulary = 60;

clip_text toy_clip(parameter_source& source) {
  return {scope{source},
          {.encoder = {.width = width,
                       .feed_forward_width = 4 * width,
                       .heads = 2,
                       .layers = 3,
                       .act = activation_named("quick_gelu", "the test")},
           .vocabulary_size = vocabulary,
           .max_length = 16}};
}

ldm_bert toy_bert(parameter_source& source) {
  return {scope{source},
          {.vocabulary_size = vocabulary,
           .max_length = 16,
           .width = width,
           .feed_forward_width = 4 * width,
           .layers = 3,
           .heads = 2,
           .head_width = 64,
           .act = activation_named("gelu", "the test")}};
}

unet_2d_condition toy_unet(parameter_source& source) {
  return {scope{source},
          {.sample_size = 16,
           .block_channels = {64, 128},
           .down_attention = {true, false},
           .up_attention = {false, true},
           .heads = {2, 4},
           .layers_per_block = 1,
           .transformer_layers = {1, 1},
           .context_width = width,
           .norm_groups = 32}};
}

autoencoder_kl toy_autoencoder(parameter_source& source) {
  return {scope{source},
          autoencoder_options{.block_channels = {32, 64}, .layers_per_block = 1, .norm_groups = 32}};
}

/// Draws inputs on the CPU, the same at every call.
struct toy_inputs {
  at::Tensor ids;
  at::Tensor vectors;
  at::Tensor latents;
  at::Tensor timesteps;
  at::Tensor context;
  at::Tensor images;

  explicit toy_inputs(const placement& placed) {
    torch::manual_seed(3);
    const auto drawn = [&](at::IntArrayRef shape) {
      return torch::randn(shape, at::kDouble).to(placed.device, placed.master());
    };
    ids = torch::randint(0, vocabulary, {2, 16}, at::kLong);
    ids.select(1, 3).fill_(vocabulary);  // the concept
    ids = ids.to(placed.device);
    vectors = drawn({1, width});
    latents = drawn({2, 4, 16, 16});
    timesteps = torch::tensor({17, 801}).to(placed.device);
    context = drawn({2, 16, width}).to(placed.dtype);
    images = drawn({1, 3, 32, 32});
  }
};

using results = std::map<std::string, at::Tensor>;

template <class Encoder>
results text_results(const Encoder& encoder, const unet_2d_condition& unet, const placement& placed) {
  const toy_inputs inputs{placed};
  const at::Tensor vectors = inputs.vectors.clone().set_requires_grad(true);
  const at::Tensor states = encoder.encode(encoder.embed(inputs.ids, vectors));
  const at::Tensor predicted = unet(placed.images(inputs.latents), inputs.timesteps, states);
  const at::Tensor loss = predicted.to(placed.master()).square().mean();
  return {{"states", states.detach()},
          {"prediction", predicted.detach()},
          {"gradient", torch::autograd::grad({loss}, {vectors}).front()}};
}

results stable_diffusion(const placement& placed) {
  placed_parameters source{placed};
  return text_results(toy_clip(source), toy_unet(source), placed);
}

results ldm(const placement& placed) {
  placed_parameters source{placed};
  return text_results(toy_bert(source), toy_unet(source), placed);
}

results autoencoder(const placement& placed) {
  const at::NoGradGuard no_gradient;
  placed_parameters source{placed};
  const autoencoder_kl network = toy_autoencoder(source);
  const toy_inputs inputs{placed};
  const latent_distribution latent = network.encode(placed.images(inputs.images));
  return {{"mean", latent.mean},
          {"standard_deviation", latent.standard_deviation},
          {"images", network.decode(placed.images(inputs.latents))}};
}

class networks_test : public test::gpu_test {
 protected:
  /// Compares what `compute` gives on the device, in every form of numbers.
  void compare(const std::string& what, const std::function<results(const placement&)>& compute) {
    const results exact = compute({.dtype = at::kDouble});
    for (const number_form& form : test::number_forms()) {
      SCOPED_TRACE(form.name);
      device::set_up(device_, form.products);
      const results found = compute(here(form.type));
      const results coarse = compute({.dtype = form.coarser});
      for (const auto& [name, value] : found) {
        const double error = test::relative_error(value, exact.at(name));
        // The same operations in another order: several times as far, and no more.
        EXPECT_LE(error, 4.0 * test::relative_error(coarse.at(name), exact.at(name)) + 1e-6) << name;
        RecordProperty(what + "_" + form.name + "_" + name + "_relative_error", fmt::format("{:.3g}", error));
      }
    }
    device::set_up(device_, device::float32_products::exact);
  }
};

TEST_F(networks_test, stable_diffusion_and_its_gradient) {
  compare("toy_stable_diffusion", stable_diffusion);
}

TEST_F(networks_test, ldm_and_its_gradient) {
  compare("toy_ldm", ldm);
}

TEST_F(networks_test, autoencoder) {
  compare("toy_autoencoder", autoencoder);
}

}  // namespace
}  // namespace dvar::models
