#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/compute_options.hpp"
#include "cli/model_choice.hpp"
#include "cli/samples/sampling.hpp"
#include "data/image.hpp"
#include "data/transform.hpp"
#include "error.hpp"
#include "reporting/progress.hpp"
#include "weights/safetensors.hpp"

namespace dvar::cli {
namespace {

struct sample_command {
  std::string model = "demo";
  std::filesystem::path config;
  std::string embedding;
  std::string prompt;
  std::filesystem::path output = "samples";
  std::filesystem::path latents;
  std::optional<std::int64_t> count;
  sampling_options sampling;
  compute_options compute;
  int threads = 0;
  bool quiet = false;
};

/// The initial latents of `--latents`: read where the file is there, else written to it.
at::Tensor exchange_latents(const std::filesystem::path& file, const diffusion::latent_diffusion& model,
                            const sampling_options& sampling) {
  constexpr const char* name = "latents";
  if (!std::filesystem::exists(file)) {
    const at::Tensor drawn = initial_latents(model, sampling);
    weights::write_safetensors(file, {{name, drawn}});
    return drawn;
  }
  const weights::safetensors_file stored{file};
  const weights::tensor_info& info = stored.info(name);
  if (!at::isFloatingType(info.dtype) || info.shape.size() != 4 || info.shape.front() < 1) {
    throw input_error(
        fmt::format("--latents {}: expected \"{}\" of floating-point numbers, [pictures, channels, height, "
                    "width], found {} {}",
                    file.string(), name, weights::to_string(info.dtype), weights::to_string(info.shape)));
  }
  return stored.tensor(name).to(at::kFloat);
}

void run(const sample_command& command) {
  set_threads(command.threads);
  sampling_options sampling = command.sampling;
  sampling.count = command.count.value_or(sampling.count);
  if (sampling.count < 1) throw input_error("--count: expected at least 1");
  if (command.count && std::filesystem::exists(command.latents)) {
    throw input_error(fmt::format("--count: expected none with --latents {}, which has a picture for each",
                                  command.latents.string()));
  }
  const auto model = open_model(command.model, command.config, command.quiet, placement_of(command.compute));
  std::optional<diffusion::learned_concept> learned;
  if (!command.embedding.empty()) learned = read_concept_of(model, command.embedding);
  const diffusion::prompt_encoder prompts =
      learned ? diffusion::prompt_encoder{model, learned->token, learned->vectors.size(0)}
              : diffusion::prompt_encoder{model};
  std::string prompt = command.prompt;
  if (prompt.empty()) {
    if (!learned) throw input_error("--prompt: expected a prompt, since no --embedding gives a token");
    prompt = "a photo of a " + learned->token;
  }
  if (learned && prompt.find(learned->token) == std::string::npos) {
    throw input_error(fmt::format("--prompt: expected the token {} of {} in it, found \"{}\"", learned->token,
                                  command.embedding, prompt));
  }
  choose_sampler(model, sampling);  // before anything is written
  if (!command.latents.empty()) {
    sampling.latents = exchange_latents(command.latents, model, sampling);
    sampling.count = sampling.latents.size(0);
    initial_latents(model, sampling);
  }
  try {
    std::filesystem::create_directories(command.output);
  } catch (const std::filesystem::filesystem_error& error) {
    throw input_error(
        fmt::format("--output: {} cannot be made: {}", command.output.string(), error.code().message()));
  }
  reporting::progress progress{
      {.label = "sampling",
       .total = sampling.count,
       .style = command.quiet ? reporting::progress_style::quiet : reporting::progress_style::automatic}};
  const training::batch_workers workers{
      training::batch_workers::suitable_count(sampling.count, model.where.device)};
  const at::Tensor pictures = sample_pictures(
      model, prompts, prompt, learned ? learned->vectors.to(model.where.device) : at::Tensor{}, sampling,
      workers, [&](std::int64_t done) { progress.update(done); });
  progress.finish();
  std::vector<at::Tensor> tiles;
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    tiles.push_back(data::to_bytes(pictures[i]));
    data::write_png(command.output / fmt::format("{:03}.png", i), tiles.back());
  }
  data::write_png(command.output / "grid.png",
                  data::image_grid(tiles, std::min<std::int64_t>(4, pictures.size(0))));
  fmt::print("{} pictures of \"{}\" in {}\n", pictures.size(0), prompt, command.output.string());
}

}  // namespace

void add_sample(CLI::App& program) {
  auto options = std::make_shared<sample_command>();
  CLI::App* command =
      program.add_subcommand("sample", "Draw pictures from a prompt, with a learned token if wanted");
  command->add_option("--model", options->model, model_help)->capture_default_str();
  command->add_option("--config", options->config, config_help);
  command->add_option("--embedding", options->embedding, "learned_embeds.safetensors of a run");
  command->add_option("--prompt", options->prompt, "What to draw; 'a photo of a TOKEN' if left out");
  command->add_option("--output", options->output, "Folder for the pictures")->capture_default_str();
  command->add_option("--count", options->count,
                      "Number of pictures (default 8, or as many as an existing file of --latents has)");
  add_sampling_options(*command, options->sampling);
  command->add_option("--latents", options->latents,
                      "Initial latents, tensor \"latents\" of a .safetensors file: read, or written if there "
                      "is no such file");
  add_compute_options(*command, options->compute, /*trains=*/false);
  command->add_option("--threads", options->threads, "Threads; 0: one per processor")->capture_default_str();
  command->add_flag("--quiet", options->quiet, "No progress");
  command->footer(
      "Examples:\n"
      "  dvar sample --prompt 'a flat drawing of a red apple' --output apples\n"
      "  dvar sample --embedding OUT/learned_embeds.safetensors --prompt 'a photo of a <thing>'");
  command->callback([options] { run(*options); });
}

}  // namespace dvar::cli
