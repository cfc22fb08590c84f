// bench_probe_settings IMAGES SNAPSHOT…: what probes of all settings would have said along a run of the bundled model. Every one of
// the 32 choices of what is held fixed, with 1 to 16 inputs, is shown the embeddings in the order that they are given in. Prints
// CSV: fixed (as digits: images, latents, noise, captions, timesteps), inputs, and the loss at each of the snapshots.
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/compute_options.hpp"
#include "cli/model_choice.hpp"
#include "diffusion/learned_concept.hpp"
#include "text/prompt_templates.hpp"
#include "training/concept_training.hpp"
#include "training/inversion_probe.hpp"

namespace dvar {
namespace {

constexpr int sources = 5;
constexpr std::int64_t most_inputs = 16;

/// Returns the choice with these digits: `11101` holds everything fixed but the captions.
training::probe_sources sources_of(int choice) {
  std::string code;
  for (int i = sources - 1; i >= 0; --i)
    code.push_back((choice >> i & 1) != 0 ? '1' : '0');
  return training::probe_sources_from(code, "");
}

void measure(const std::filesystem::path& images, const std::vector<std::filesystem::path>& snapshots) {
  cli::set_threads(1);
  const diffusion::latent_diffusion model = diffusion::latent_diffusion::open(cli::model_directory("demo"));
  const data::concept_dataset pictures{
      {.images_dir = images,
       .size = model.resolution(),
       .template_count = static_cast<std::int64_t>(text::object_templates().size())}};
  std::vector<at::Tensor> embeddings;
  std::string token;
  for (const std::filesystem::path& file : snapshots) {
    const diffusion::learned_concept learned = diffusion::read_learned_concept(file);
    embeddings.push_back(learned.vectors);
    token = learned.token;
  }
  const diffusion::prompt_encoder prompts{model, token, embeddings.front().size(0)};
  const training::batch_workers workers{1};
  const training::concept_training inversion{model, pictures, prompts, embeddings.front(), {}, workers};
  for (int choice = (1 << sources) - 1; choice >= 0; --choice) {
    const training::probe_sources fixed = sources_of(choice);
    for (std::int64_t inputs = 1; inputs <= most_inputs; inputs *= 2) {
      auto probe = training::make_probe(inversion, {.batch = inputs, .fixed = fixed});
      std::vector<double> losses;
      for (const at::Tensor& vectors : embeddings) {
        inversion.parameters().values().copy_(vectors.flatten());
        losses.push_back(probe());
      }
      fmt::print("{},{},{}\n", training::experiment_code(fixed), inputs, fmt::join(losses, ","));
    }
  }
}

}  // namespace
}  // namespace dvar

int main(int count, char** arguments) {
  try {
    if (count < 3) throw std::invalid_argument{"expected IMAGES and at least one SNAPSHOT"};
    dvar::measure(arguments[1], {arguments + 2, arguments + count});
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_probe_settings: {}\n", error.what());
    return 1;
  }
  return 0;
}
