#include <memory>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/compute_options.hpp"
#include "cli/model_choice.hpp"
#include "cli/options/common_rows.hpp"
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

/// Returns the initial latents of `--latents`: read where the file is there, else written to it.
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
    throw input_error(fmt::format(
        "--latents {}: expected \"{}\" of floating-point numbers, [pictures, channels, height, width], found {} {}",
        file.string(), name, weights::to_string(info.dtype), weights::to_string(info.shape)));
  }
  return stored.tensor(name).to(at::kFloat);
}

/// Returns the sampling's options with the number of pictures that is asked for.
sampling_options sampling_of(const sample_command& command) {
  sampling_options sampling = command.sampling;
  sampling.count = command.count.value_or(sampling.count);
  if (command.count && std::filesystem::exists(command.latents)) {
    throw input_error(fmt::format("--count: expected none with --latents {}, which has a picture for each",
                                  command.latents.string()));
  }
  return sampling;
}

/// Returns the prompt, which has the token in it if there is one.
std::string prompt_of(const sample_command& command,
                      const std::optional<diffusion::learned_concept>& learned) {
  if (command.prompt.empty()) {
    if (!learned) throw input_error("--prompt: expected a prompt, since no --embedding gives a token");
    return "a photo of a " + learned->token;
  }
  if (learned && command.prompt.find(learned->token) == std::string::npos) {
    throw input_error(fmt::format("--prompt: expected the token {} of {} in it, found \"{}\"", learned->token,
                                  command.embedding, command.prompt));
  }
  return command.prompt;
}

void make_folder(const std::filesystem::path& folder) {
  try {
    std::filesystem::create_directories(folder);
  } catch (const std::filesystem::filesystem_error& error) {
    throw input_error(
        fmt::format("--output: {} cannot be made: {}", folder.string(), error.code().message()));
  }
}

/// Returns the pictures, float32 [count, 3, S, S] in [-1, 1], and shows progress meanwhile.
at::Tensor draw_pictures(const diffusion::latent_diffusion& model, const diffusion::prompt_encoder& prompts,
                         const std::string& prompt, const at::Tensor& vectors,
                         const sampling_options& sampling, bool quiet) {
  const training::batch_workers workers{
      training::batch_workers::suitable_count(sampling.count, model.placement.device)};
  reporting::progress progress{
      {.label = "sampling",
       .total = sampling.count,
       .style = quiet ? reporting::progress_style::quiet : reporting::progress_style::automatic}};
  const at::Tensor pictures = sample_pictures(model, prompts, prompt, vectors, sampling, workers,
                                              [&](std::int64_t done) { progress.update(done); });
  progress.finish();
  return pictures;
}

/// Writes each picture, and all of them in a grid.
void write_pictures(const std::filesystem::path& folder, const at::Tensor& pictures) {
  std::vector<at::Tensor> tiles;
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    tiles.push_back(data::to_bytes(pictures[i]));
    data::write_png(folder / fmt::format("{:03}.png", i), tiles.back());
  }
  data::write_png(folder / "grid.png", data::image_grid(tiles, std::min<std::int64_t>(4, pictures.size(0))));
}

void run(const sample_command& command) {
  set_threads(command.threads);
  sampling_options sampling = sampling_of(command);
  const auto model = open_model(command.model, command.config, command.quiet, placement_of(command.compute));
  std::optional<diffusion::learned_concept> learned;
  if (!command.embedding.empty()) learned = read_concept_of(model, command.embedding);
  const diffusion::prompt_encoder prompts =
      learned ? diffusion::prompt_encoder{model, learned->token, learned->vectors.size(0)}
              : diffusion::prompt_encoder{model};
  const std::string prompt = prompt_of(command, learned);
  choose_sampler(model, sampling);  // before anything is written
  if (!command.latents.empty()) {
    sampling.latents = exchange_latents(command.latents, model, sampling);
    sampling.count = sampling.latents.size(0);
    initial_latents(model, sampling);
  }
  make_folder(command.output);
  const at::Tensor vectors = learned ? learned->vectors.to(model.placement.device) : at::Tensor{};
  const at::Tensor pictures = draw_pictures(model, prompts, prompt, vectors, sampling, command.quiet);
  write_pictures(command.output, pictures);
  fmt::print("{} pictures of \"{}\" in {}\n", pictures.size(0), prompt, command.output.string());
}

}  // namespace

subcommand sample_subcommand() {
  auto options = std::make_shared<sample_command>();
  sample_command& o = *options;
  option_rows rows{
      model_row(o.model),
      config_row(o.config),
      {.name = "embedding", .value = &o.embedding, .help = "learned_embeds.safetensors of a run"},
      {.name = "prompt",
       .value = &o.prompt,
       .help = "What to draw",
       .otherwise = "'a photo of a TOKEN' with --embedding"},
      {.name = "output", .value = &o.output, .help = "Folder for the pictures"},
      {.name = "count",
       .value = &o.count,
       .help = "Number of pictures",
       .otherwise = "8, or as many as an existing file of --latents has",
       .accepts = at_least(1)},
      {.name = "latents",
       .value = &o.latents,
       .help =
           "Initial latents, tensor \"latents\" of a .safetensors file: read, or written if there is no such file"},
  };
  append(rows, "Sampling", sampling_rows(o.sampling));
  append(rows, "Computing", compute_rows(o.compute, /*trains=*/false));
  append(rows, "Run", {threads_row(o.threads), quiet_row(o.quiet)});
  return {.name = "sample",
          .summary = "Draw pictures from a prompt, with a learned token if wanted",
          .options = rows,
          .examples =
              "Examples:\n"
              "  dvar sample --prompt 'a flat drawing of a red apple' --output apples\n"
              "  dvar sample --embedding OUT/learned_embeds.safetensors --prompt 'a photo of a <thing>'",
          .run = [options](const given_options&) { run(*options); }};
}

}  // namespace dvar::cli
