#include "training/memory_estimate.hpp"

#include <algorithm>

#include "device/meta.hpp"
#include "diffusion/guidance.hpp"

namespace dvar::training {
namespace {

/// Returns how many inputs of a batch are evaluated at the same time: all workers' micro-batches, or the batch.
std::int64_t evaluated_at_once(std::int64_t batch, const memory_question& question) {
  const std::optional<std::int64_t>& micro_batch = question.inversion.micro_batch;
  return micro_batch ? std::min(batch, *micro_batch * question.workers) : batch;
}

/// Returns inputs of a batch of any size, without numbers.
inversion_inputs any_inputs(const concept_training& inversion, std::int64_t batch) {
  at::Generator generator = seeded_generator(0);
  const at::Tensor one = inversion.normal(1, generator);
  std::vector<std::int64_t> shape = one.sizes().vec();
  shape.front() = batch;
  const at::TensorOptions numbers = one.options().dtype(at::kLong);
  return {.pictures = torch::empty({batch}, numbers),
          .ids = inversion.caption_ids({0}).expand({batch, -1}),
          .latent_noise = torch::empty(shape, one.options()),
          .noise = torch::empty(shape, one.options()),
          .timesteps = torch::empty({batch}, numbers)};
}

/// Returns inputs of a training step likewise, with the weights and latents that those have.
inversion_inputs any_inputs_of_step(const concept_training& inversion, std::int64_t batch,
                                    const inversion_options& options) {
  inversion_inputs inputs = any_inputs(inversion, batch);
  if (options.prior || options.min_snr || options.method == method_kind::custom_diffusion)
    inputs.weights = torch::empty({batch}, inputs.noise.options());
  if (options.drops()) inputs.dropout_keys = torch::empty({batch}, inputs.timesteps.options());
  return options.rescales() || inversion.pictures().crops() != nullptr
             ? inversion.inputs().with_latents(inputs)
             : inputs;
}

/// Returns the bytes of `batch` inputs of which `at_once` are in the evaluation already.
std::int64_t bytes_of_others(const inversion_inputs& one, double batch, std::int64_t at_once) {
  const auto each = one.ids.nbytes() + one.latent_noise.nbytes() + one.noise.nbytes();
  const double bytes = (batch - static_cast<double>(at_once)) * static_cast<double>(each);
  TORCH_CHECK(bytes < 0x1p62, "more bytes than can be counted");
  return static_cast<std::int64_t>(bytes);
}

/// Returns the bytes of what is learned, of what its optimizer keeps and of the average, if there is one.
std::int64_t bytes_of_state(const concept_training& inversion) {
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : inversion.state())
    bytes += static_cast<std::int64_t>(tensor.nbytes());
  return bytes;
}

/// Returns the most that `work` holds at once.
template <class Work>
std::int64_t peak_of(Work work) {
  const device::meta_memory counted;
  work();
  return counted.peak();
}

void draw_samples(const diffusion::latent_diffusion& model, const diffusion::prompt_encoder& prompts,
                  std::int64_t count) {
  const at::NoGradGuard no_gradient;
  const models::conditioning states = prompts.states(prompts.ids({""})).expanded(count);
  const models::unet_options& unet = model.unet.options();
  const at::Tensor latents =
      torch::empty({count, unet.in_channels, unet.sample_size, unet.sample_size},
                   at::TensorOptions{}.dtype(model.placement.master()).device(model.placement.device));
  const at::Tensor timestep = torch::empty({1}, latents.options().dtype(at::kLong));
  // Any scale but 1 asks the network twice.
  constexpr double guidance = 7.5;
  diffusion::guided_prediction(model.unet, model.placement, latents, timestep, states, states, guidance);
  model.autoencoder.decode(model.autoencoder_placement.images(latents));
}

}  // namespace

std::int64_t memory_estimate::most() const {
  const std::int64_t steps = std::max(step, probe);
  return networks + parameters + std::max(encoding, keeps_steps ? steps + samples : std::max(steps, samples));
}

model_shapes open_shapes(const weights::model_files& files, const models::placement& placement) {
  models::placement without_numbers = placement;
  without_numbers.device = device::meta_device();
  if (placement.device.is_cuda()) without_numbers.weights = models::weight_place::memory;
  without_numbers.execution.graphs = false;
  const device::meta_memory counted;
  auto model = diffusion::latent_diffusion::open(files, without_numbers);
  return {.model = std::move(model), .bytes = counted.held(), .is_recorded = placement.execution.graphs};
}

memory_estimate estimate_memory(const model_shapes& shapes, const data::concept_dataset& pictures,
                                const memory_question& question) {
  const diffusion::latent_diffusion& model = shapes.model;
  memory_estimate estimate{.networks = shapes.bytes, .keeps_steps = shapes.is_recorded};
  inversion_options options = question.inversion;
  options.micro_batch.reset();
  const auto at_once = [&](std::int64_t batch) { return evaluated_at_once(batch, question); };
  const diffusion::prompt_encoder prompts{model};
  const batch_workers one;
  const device::meta_memory encoding;  // until the pictures are latents
  const concept_training inversion{
      model, pictures, prompts, torch::empty({question.vectors, model.text_encoder.width()}), options, one};
  estimate.encoding = encoding.peak();
  estimate.parameters = bytes_of_state(inversion);
  estimate.step =
      peak_of([&] { inversion.evaluate(any_inputs_of_step(inversion, at_once(options.inputs()), options)); });
  // Every other share has a gradient of its own in float64, and the optimizer keeps the last in fp32. A token's vectors are too few
  // numbers to count.
  const std::int64_t numbers = inversion.parameters().size() - inversion.vectors().numel();
  if (numbers > 0) {
    const std::int64_t shares =
        question.inversion.micro_batch ? question.inversion.most_shares() : question.workers;
    estimate.step += (8 * (shares - 1) + 4) * numbers;
    // What an update changes is copied before it, so that it can be taken back; an average is not.
    const std::int64_t averaged = options.average ? 4 * inversion.parameters().size() : 0;
    estimate.step = std::max(estimate.step, estimate.parameters - averaged + 12 * numbers);
  }
  // Rescaled pictures and squares cut at random are encoded before a step; a recorded one keeps its memory meanwhile.
  if (options.rescales() || pictures.crops() != nullptr) {
    estimate.step =
        shapes.is_recorded ? estimate.step + estimate.encoding : std::max(estimate.step, estimate.encoding);
  }
  estimate.probe = peak_of([&] {
    const at::NoGradGuard no_gradient;
    inversion.evaluate(any_inputs(inversion, at_once(question.probe.batch)));
  });
  // All inputs of a step are drawn before it, those of other micro-batches and ranks too; those of the probe at the beginning.
  const inversion_inputs one_input = any_inputs(inversion, 1);
  const auto product = [](auto... counts) { return (static_cast<double>(counts) * ...); };
  estimate.step += bytes_of_others(one_input, product(options.inputs(), options.accumulation, question.ranks),
                                   at_once(options.inputs()));
  estimate.probe += bytes_of_others(one_input, product(question.probe.batch, question.probe.accumulation),
                                    at_once(question.probe.batch));
  if (question.samples_at_once > 0)
    estimate.samples = peak_of([&] { draw_samples(model, prompts, question.samples_at_once); });
  return estimate;
}

}  // namespace dvar::training
