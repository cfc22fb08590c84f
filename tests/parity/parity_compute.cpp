// parity_compute NETWORK MODEL_DIR INPUTS OUTPUTS [--double]: runs one of the trainer's networks, samplers or optimisers on
// the tensors of a safetensors file, and writes what it gives to another. The functions below name their tensors.
#include "diffusion/ddim_sampler.hpp"
#include "diffusion/guidance.hpp"
#include "models/autoencoder_kl.hpp"
#include "models/clip.hpp"
#include "models/file_parameters.hpp"
#include "training/adamw.hpp"

#include <exception>
#include <iostream>
#include <span>

namespace dvar {
namespace {

namespace fs = std::filesystem;
using tensors = std::map<std::string, at::Tensor>;

/// The request: a model, named inputs, and the precision to compute in.
class request {
 public:
  request(fs::path model, const fs::path& inputs, at::ScalarType dtype)
      : model_{std::move(model)}, inputs_{inputs}, where_{.dtype = dtype} {}

  const fs::path& model() const { return model_; }
  const models::placement& where() const { return where_; }
  bool has(std::string_view name) const { return inputs_.contains(name); }

  /// Floating-point inputs come in the precision asked for.
  at::Tensor tensor(std::string_view name) const {
    const at::Tensor stored = inputs_.tensor(name);
    return stored.to(stored.is_floating_point() ? where_.dtype : stored.scalar_type(), false, /*copy=*/true);
  }
  double number(std::string_view name) const { return inputs_.tensor(name).item<double>(); }

 private:
  fs::path model_;
  weights::safetensors_file inputs_;
  models::placement where_;
};

models::unet_2d_condition open_unet(const fs::path& directory, const models::placement& where) {
  const auto files = weights::open_component(directory);
  models::file_parameters parameters{files.weights, where};
  return {models::scope{parameters}, models::unet_options::from_config(files.config)};
}

models::clip_text open_clip_text(const fs::path& directory, const models::placement& where) {
  const auto files = weights::open_component(directory);
  models::file_parameters parameters{files.weights, where};
  const bool with_projection = parameters.offers("text_projection.weight");
  return {models::scope{parameters}, models::clip_text_options::from_config(files.config, with_projection)};
}

weights::config_reader scheduler_config(const fs::path& directory) {
  return weights::config_reader{directory / "scheduler_config.json"};
}

diffusion::noise_schedule open_schedule(const fs::path& directory) {
  return diffusion::noise_schedule{
      diffusion::noise_schedule_options::from_config(scheduler_config(directory))};
}

/// The schedulers of every directory below `directory`, by the directory's name.
std::map<std::string, fs::path> schedulers_below(const fs::path& directory) {
  std::map<std::string, fs::path> found;
  for (const auto& entry : fs::directory_iterator(directory))
    found.emplace(entry.path().filename().string(), entry.path());
  return found;
}

at::Tensor sinusoids(const models::unet_2d_condition& network, const at::Tensor& timesteps) {
  const models::unet_options& options = network.options();
  return models::sinusoidal_embedding(timesteps, options.block_channels.front(), options.sine_second,
                                      options.frequency_shift);
}

tensors unet(const request& r) {
  const models::unet_2d_condition network = open_unet(r.model(), r.where());
  return {{"prediction", network(r.tensor("sample"), r.tensor("timesteps"), r.tensor("context"))},
          {"sinusoids", sinusoids(network, r.tensor("timesteps"))}};
}

tensors autoencoder(const request& r) {
  const auto files = weights::open_component(r.model());
  models::file_parameters parameters{files.weights, r.where()};
  const models::autoencoder_kl network{models::scope{parameters},
                                       models::autoencoder_options::from_config(files.config)};
  const models::latent_distribution encoded = network.encode(r.tensor("images"));
  return {{"moments", network.moments(r.tensor("images"))},
          {"mean", encoded.mean},
          {"standard_deviation", encoded.standard_deviation},
          {"images", network.decode(r.tensor("latents"))}};
}

tensors clip_text(const request& r) {
  const models::clip_text network = open_clip_text(r.model(), r.where());
  const at::Tensor states = network.encode(network.embed(r.tensor("ids")));
  tensors outputs{{"states", states}};
  if (r.has("end")) outputs["features"] = network.project(states, r.tensor("end"));
  return outputs;
}

tensors clip_vision(const request& r) {
  const auto files = weights::open_component(r.model());
  models::file_parameters parameters{files.weights, r.where()};
  const models::clip_vision network{models::scope{parameters},
                                    models::clip_vision_options::from_config(files.config)};
  return {{"features", network(r.tensor("pixels"))}};
}

/// For every scheduler: NAME.noisy and NAME.target of latents, noise and timesteps.
tensors forward_process(const request& r) {
  tensors outputs;
  for (const auto& [name, directory] : schedulers_below(r.model())) {
    const auto schedule = open_schedule(directory);
    const at::Tensor latents = r.tensor("latents"), noise = r.tensor("noise"),
                     timesteps = r.tensor("timesteps");
    outputs[name + ".noisy"] = schedule.add_noise(latents, noise, timesteps);
    outputs[name + ".target"] = schedule.target(latents, noise, timesteps);
  }
  return outputs;
}

/// For every scheduler: NAME is the timesteps of each of the numbers of steps in `counts`, one after the other.
tensors ddim_timesteps(const request& r) {
  const at::Tensor counts = r.tensor("counts");
  tensors outputs;
  for (const auto& [name, directory] : schedulers_below(r.model())) {
    auto options = diffusion::ddim_options::from_config(scheduler_config(directory));
    std::vector<at::Tensor> timesteps;
    for (const std::int64_t count :
         std::span{counts.data_ptr<std::int64_t>(), static_cast<std::size_t>(counts.numel())}) {
      options.steps = count;
      timesteps.push_back(
          torch::tensor(diffusion::ddim_sampler{open_schedule(directory), options}.timesteps()));
    }
    outputs[name] = at::cat(timesteps);
  }
  return outputs;
}

/// For every scheduler: NAME is the samples after each step, from `sample`, for the given `predictions` and `noises`
/// [steps, …].
tensors ddim_steps(const request& r) {
  const at::Tensor predictions = r.tensor("predictions"), noises = r.tensor("noises");
  tensors outputs;
  for (const auto& [name, directory] : schedulers_below(r.model())) {
    auto options = diffusion::ddim_options::from_config(scheduler_config(directory));
    options.steps = predictions.size(0);
    options.eta = r.number("eta");
    const diffusion::ddim_sampler sampler{open_schedule(directory), options};
    at::Tensor sample = r.tensor("sample");
    std::vector<at::Tensor> samples;
    for (std::int64_t i = 0; i < options.steps; ++i) {
      sample = sampler.step(predictions[i], static_cast<std::size_t>(i), sample, noises[i]);
      samples.push_back(sample);
    }
    outputs[name] = at::stack(samples);
  }
  return outputs;
}

/// A whole trajectory with the UNet and guidance; `noises` [steps, …].
tensors ddim(const request& r) {
  const models::unet_2d_condition network = open_unet(r.model() / "unet", r.where());
  const at::Tensor noises = r.tensor("noises");
  auto options = diffusion::ddim_options::from_config(scheduler_config(r.model() / "scheduler"));
  options.steps = noises.size(0);
  options.eta = r.number("eta");
  const diffusion::ddim_sampler sampler{open_schedule(r.model() / "scheduler"), options};
  std::int64_t drawn = 0;
  return {{"latents", diffusion::sample_latents(network, sampler, r.tensor("latents"), r.tensor("context"),
                                                r.tensor("empty_context"), r.number("scale"),
                                                [&] { return noises[drawn++]; })}};
}

/// `start` after each step, for the given `gradients` [steps, …].
tensors adamw(const request& r) {
  const at::Tensor gradients = r.tensor("gradients");
  at::Tensor parameter = r.tensor("start").set_requires_grad(true);
  training::adamw optimiser{{{"parameter", parameter}},
                            {.learning_rate = r.number("learning_rate"),
                             .beta_first = r.number("beta_first"),
                             .beta_second = r.number("beta_second"),
                             .epsilon = r.number("epsilon"),
                             .weight_decay = r.number("weight_decay")}};
  std::vector<at::Tensor> values;
  for (const at::Tensor& gradient : gradients.unbind()) {
    parameter.mutable_grad() = gradient;
    optimiser.step();
    values.push_back(parameter.detach().clone());
  }
  return {{"parameters", at::stack(values)}};
}

/// The diffusion loss of a batch, and its gradient with respect to the concept's vectors.
tensors concept_gradient(const request& r) {
  const models::clip_text text = open_clip_text(r.model() / "text_encoder", r.where());
  const models::unet_2d_condition network = open_unet(r.model() / "unet", r.where());
  const auto schedule = open_schedule(r.model() / "scheduler");
  const at::Tensor vectors = r.tensor("vectors").set_requires_grad(true);
  const at::Tensor latents = r.tensor("latents"), noise = r.tensor("noise"),
                   timesteps = r.tensor("timesteps");
  const at::Tensor context = text.encode(text.embed(r.tensor("ids"), vectors));
  const at::Tensor predicted = network(schedule.add_noise(latents, noise, timesteps), timesteps, context);
  const at::Tensor loss = at::mse_loss(predicted, schedule.target(latents, noise, timesteps));
  loss.backward();
  return {{"loss", loss},
          {"gradient", vectors.grad()},
          {"sinusoids", sinusoids(network, timesteps)},
          {"alphas", schedule.alphas_cumulative().to(at::kFloat)}};
}

using function = tensors (*)(const request&);
const std::map<std::string, function, std::less<>> functions{
    {"unet", unet},
    {"autoencoder", autoencoder},
    {"clip_text", clip_text},
    {"clip_vision", clip_vision},
    {"forward_process", forward_process},
    {"ddim_timesteps", ddim_timesteps},
    {"ddim_steps", ddim_steps},
    {"ddim", ddim},
    {"adamw", adamw},
    {"concept_gradient", concept_gradient},
};

}  // namespace
}  // namespace dvar

int main(int count, char** arguments) try {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  const auto chosen = words.empty() ? dvar::functions.end() : dvar::functions.find(words[0]);
  const bool in_double = words.size() == 5 && words[4] == "--double";
  if (chosen == dvar::functions.end() || (words.size() != 4 && !in_double)) {
    std::cerr << "usage: parity_compute NETWORK MODEL_DIR INPUTS OUTPUTS [--double], with NETWORK one of";
    for (const auto& [name, _] : dvar::functions)
      std::cerr << ' ' << name;
    std::cerr << '\n';
    return 2;
  }
  dvar::weights::write_safetensors(
      words[3], chosen->second({words[1], words[2], in_double ? at::kDouble : at::kFloat}));
  return 0;
} catch (const std::exception& error) {
  std::cerr << "parity_compute: " << error.what() << '\n';
  return 1;
}
