// Schedules and samplers.
#include <span>

#include "diffusion/guidance.hpp"
#include "diffusion/sampling_method.hpp"
#include "request.hpp"

namespace dvar::parity {
namespace {

/// Returns the schedulers of every directory below `directory`, by the directory's name.
std::map<std::string, fs::path> schedulers_below(const fs::path& directory) {
  std::map<std::string, fs::path> found;
  for (const auto& entry : fs::directory_iterator(directory))
    found.emplace(entry.path().filename().string(), entry.path());
  return found;
}

std::int64_t steps_of(const request& r) {
  return static_cast<std::int64_t>(r.number("steps"));
}

/// Opens the sampler that the file names, or the one that `method` numbers.
std::unique_ptr<diffusion::sampler> open_sampler(const request& r, const fs::path& directory,
                                                 std::int64_t steps, double eta) {
  const weights::config_reader config = scheduler_config(directory);
  const auto method = r.has("method")
                          ? static_cast<diffusion::sampling_method>(static_cast<int>(r.number("method")))
                          : diffusion::sampling_method_in(config).value();
  return diffusion::make_sampler(method, open_schedule(directory), config, steps, eta);
}

/// Gives NAME.noisy and NAME.target of latents, noise and timesteps for every scheduler.
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
const entry forward_process_entry{"forward_process", forward_process};

/// Gives for every scheduler, as NAME, the timesteps of each of the numbers of steps in `counts`, one after
/// the other.
tensors sampler_timesteps(const request& r) {
  const at::Tensor counts = r.tensor("counts");
  tensors outputs;
  for (const auto& [name, directory] : schedulers_below(r.model())) {
    std::vector<at::Tensor> timesteps;
    for (const std::int64_t count :
         std::span{counts.data_ptr<std::int64_t>(), static_cast<std::size_t>(counts.numel())}) {
      timesteps.push_back(torch::tensor(open_sampler(r, directory, count, 0.0)->timesteps(), at::kDouble));
    }
    outputs[name] = at::cat(timesteps);
  }
  return outputs;
}
const entry sampler_timesteps_entry{"sampler_timesteps", sampler_timesteps};

/// Puts what the peer has to take over to be compared in float64, see `in_double` of test_samplers.py:
/// NAME.alphas, and NAME.sigmas where the sampler has them.
void put_schedule(tensors& outputs, const std::string& name, const fs::path& directory,
                  const diffusion::sampler& sampler) {
  outputs[name + ".alphas"] = open_schedule(directory).alphas_cumulative();
  if (const auto* solver = dynamic_cast<const diffusion::dpm_solver_sampler*>(&sampler))
    outputs[name + ".sigmas"] = torch::tensor(solver->sigmas(), at::kDouble);
  if (const auto* euler = dynamic_cast<const diffusion::euler_sampler*>(&sampler))
    outputs[name + ".sigmas"] = torch::tensor(euler->sigmas(), at::kDouble);
}

/// Gives for every scheduler, as NAME, the samples after each evaluation, from `sample`, with `steps` steps
/// for the given `predictions` and `noises` [evaluations or more, …].
tensors sampler_steps(const request& r) {
  const at::Tensor predictions = r.tensor("predictions"), noises = r.tensor("noises");
  tensors outputs;
  for (const auto& [name, directory] : schedulers_below(r.model())) {
    const auto sampler = open_sampler(r, directory, steps_of(r), r.has("eta") ? r.number("eta") : 0.0);
    at::Tensor sample = r.tensor("sample");
    std::vector<at::Tensor> samples;
    for (std::size_t i = 0; i < sampler->timesteps().size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      sample = sampler->step(predictions[row], sample, noises[row]);
      samples.push_back(sample);
    }
    outputs[name] = at::stack(samples);
    put_schedule(outputs, name, directory, *sampler);
  }
  return outputs;
}
const entry sampler_steps_entry{"sampler_steps", sampler_steps};

/// Gives for every scheduler below `schedulers`, as NAME, the end of a trajectory of `steps` steps with the
/// UNet, guided with NAME.scale; `noises` [evaluations or more, …] where the sampler draws noise, as DDIM
/// does for NAME.eta. It also gives NAME.sinusoids of its timesteps.
tensors trajectories(const request& r) {
  const models::unet_2d_condition network = models::open_unet(files_of(r.model() / "unet"), r.placement());
  const at::Tensor noises = r.tensor("noises");
  tensors outputs;
  for (const auto& [name, directory] : schedulers_below(r.model() / "schedulers")) {
    const auto sampler = open_sampler(r, directory, steps_of(r), r.number(name + ".eta"));
    std::int64_t drawn = 0;
    outputs[name] = diffusion::sample_latents(network, r.placement(), *sampler, r.tensor("latents"),
                                              r.tensor("context"), r.tensor("empty_context"),
                                              r.number(name + ".scale"), [&] { return noises[drawn++]; });
    outputs[name + ".sinusoids"] = sinusoids(network, torch::tensor(sampler->timesteps(), at::kDouble));
    put_schedule(outputs, name, directory, *sampler);
  }
  return outputs;
}
const entry trajectories_entry{"trajectories", trajectories};

}  // namespace
}  // namespace dvar::parity
