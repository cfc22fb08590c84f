#include <functional>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/commands.hpp"
#include "cli/compute_options.hpp"
#include "cli/model_choice.hpp"
#include "cli/options/common_rows.hpp"
#include "cli/samples/custom_diffusion_choice.hpp"
#include "cli/samples/lora_choice.hpp"
#include "cli/samples/sample_description.hpp"
#include "cli/samples/sample_prompts.hpp"
#include "cli/samples/sampling.hpp"
#include "data/image.hpp"
#include "data/picture_folder.hpp"
#include "data/transform.hpp"
#include "error.hpp"
#include "reporting/progress.hpp"
#include "weights/messages.hpp"
#include "weights/output_folder.hpp"
#include "weights/safetensors.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::cli {
namespace {

struct sample_command {
  std::string model = "demo";
  std::filesystem::path config;
  std::filesystem::path vae;
  std::string prediction_type;
  std::vector<std::filesystem::path> embeddings;
  std::vector<std::string> loras;
  std::filesystem::path custom_diffusion;
  std::vector<std::string> tokens;
  given_prompts prompts;
  std::filesystem::path output = "samples";
  std::filesystem::path latents;
  bool reads_latents = false;  ///< whether the file of `latents` is there before the run
  std::optional<std::int64_t> count;
  sampling_options sampling;
  compute_options compute;
  bool overwrite = false;
  int threads = 0;
  bool quiet = false;
};

/// Is what the sheet of all pictures is called, without its ending.
constexpr std::string_view sheet_name = "grid";

/// Returns the initial latents of `--latents`: read where the file is there, else written to it.
at::Tensor exchange_latents(const std::filesystem::path& file, const diffusion::latent_diffusion& model,
                            const sampling_options& sampling) {
  constexpr const char* name = "latents";
  if (!std::filesystem::exists(file)) {
    const at::Tensor drawn = initial_latents(model, sampling);
    weights::write_safetensors(file, {{name, drawn}});
    return drawn;
  }
  const weights::tensor_file stored{file};
  const weights::tensor_info& info = stored.info(name);
  if (!at::isFloatingType(info.dtype) || info.shape.size() != 4 || info.shape.front() < 1) {
    throw input_error(fmt::format(
        "--latents {}: expected \"{}\" of floating-point numbers, [pictures, channels, height, width], found {} {}",
        file.string(), name, weights::to_string(info.dtype), weights::to_string(info.shape)));
  }
  weights::require_finite(stored.tensor(name), file, name);
  return stored.tensor(name).to(at::kFloat);
}

/// Returns the sampling's options with the number of pictures of each prompt that is asked for.
sampling_options sampling_of(const sample_command& command) {
  sampling_options sampling = command.sampling;
  sampling.count = command.count.value_or(command.prompts.prompts.empty() ? sampling.count : 1);
  if (command.count && command.reads_latents) {
    throw input_error(fmt::format("--count: expected none with --latents {}, which has a picture for each",
                                  command.latents.string()));
  }
  return sampling;
}

/// Returns the pictures that an earlier call has left in a folder.
std::vector<std::filesystem::path> pictures_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::directory_iterator entry{folder, error}, end; !error && entry != end;
       entry.increment(error)) {
    const std::string stem = entry->path().stem().string();
    const bool is_number = !stem.empty() && stem.find_first_not_of("0123456789") == std::string::npos;
    if (entry->path().extension() == ".png" && (is_number || stem == sheet_name))
      files.push_back(entry->path());
  }
  return files;
}

/// Opens the folder for the pictures. Throws `dvar::input_error` when it is not ours, or has pictures that are not to be
/// replaced.
weights::output_folder open_output(const sample_command& command) {
  weights::output_folder folder{command.output, "sample"};
  if (folder.is_used() && !command.overwrite && !pictures_in(command.output).empty()) {
    throw input_error(fmt::format("--output: {} holds samples already; --overwrite replaces them",
                                  command.output.string()));
  }
  return folder;
}

/// Returns the pictures of each prompt after the other, float32 [prompts count, 3, S, S] in [-1, 1], and shows progress meanwhile.
at::Tensor draw_pictures(const diffusion::latent_diffusion& model, const diffusion::prompt_encoder& encoder,
                         const std::vector<std::string>& prompts, const at::Tensor& vectors,
                         const sampling_options& sampling, bool quiet) {
  const training::batch_workers workers{
      training::batch_workers::suitable_count(sampling.count, model.placement.device)};
  reporting::progress progress{
      {.label = "sampling",
       .total = sampling.count * std::ssize(prompts),
       .style = quiet ? reporting::progress_style::quiet : reporting::progress_style::automatic}};
  std::vector<at::Tensor> pictures;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const std::int64_t before = static_cast<std::int64_t>(i) * sampling.count;
    pictures.push_back(sample_pictures(model, encoder, prompts[i], vectors, sampling, workers,
                                       [&](std::int64_t done) { progress.update(before + done); }));
  }
  progress.finish();
  return at::cat(pictures);
}

/// Returns what a picture's file says of it, or of all where no number is given.
data::png_text description_of(const sample_command& command, const diffusion::latent_diffusion& model,
                              const opened_concepts& opened, const sampling_options& sampling,
                              const std::string& prompt, std::optional<std::int64_t> picture) {
  const std::string latents = command.reads_latents ? file_name_of(command.latents) : std::string{};
  described_settings settings = settings_of(model, sampling, picture, latents);
  const described_settings others{{"Model", file_name_of(command.model)},
                                  {"VAE", file_name_of(command.vae)},
                                  {"Embeddings", names_of_embeddings(opened)},
                                  {"LoRAs", names_of_loras(command.loras)},
                                  {"Custom Diffusion", file_name_of(command.custom_diffusion)},
                                  {"Version", "dvar " DVAR_VERSION}};
  settings.insert(settings.end(), others.begin(), others.end());
  return parameters_of(prompt, sampling.negative_prompt, settings);
}

/// Writes each picture, and all of them in a grid. `describe` gives the text of a prompt's picture of that number, or of all.
void write_pictures(
    const std::filesystem::path& folder, const at::Tensor& pictures, const std::vector<std::string>& prompts,
    const std::function<data::png_text(const std::string&, std::optional<std::int64_t>)>& describe) {
  const std::int64_t of_each = pictures.size(0) / std::ssize(prompts);
  std::vector<at::Tensor> tiles;
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    tiles.push_back(data::to_bytes(pictures[i]));
    const std::string& prompt = prompts[static_cast<std::size_t>(i / of_each)];
    data::write_png(folder / fmt::format("{:03}.png", i), tiles.back(), {describe(prompt, i % of_each)});
  }
  data::write_png(folder / fmt::format("{}.png", sheet_name),
                  data::image_grid(tiles, std::min<std::int64_t>(4, pictures.size(0))),
                  {describe(fmt::format("{}", fmt::join(prompts, "\n")), std::nullopt)});
}

void run(sample_command command) {
  set_threads(command.threads);
  command.reads_latents = std::filesystem::exists(command.latents);
  sampling_options sampling = sampling_of(command);
  weights::output_folder folder = open_output(command);
  const auto plain =
      open_model(source_of(command), command.model, command.quiet, placement_of(command.compute));
  const auto model =
      with_custom_diffusion(plain.with(open_loras(plain, command.loras)), command.custom_diffusion);
  const opened_concepts opened = open_concepts(model, command.embeddings, command.tokens);
  const diffusion::prompt_encoder& prompts = opened.prompts;
  const auto [wanted, negative] = fill_prompts(command.prompts, opened);
  sampling.negative_prompt = negative;
  choose_sampler(model, sampling);  // before anything is written
  check_sample_count(model, "--count", sampling.count * std::ssize(wanted));
  if (!command.latents.empty()) {
    sampling.latents = exchange_latents(command.latents, model, sampling);
    sampling.count = sampling.latents.size(0);
    initial_latents(model, sampling);
  }
  folder.make();
  for (const std::filesystem::path& file : pictures_in(command.output))
    std::filesystem::remove(file);
  for (const std::string& prompt : wanted)
    warn_of_cut(prompts, prompt);
  warn_of_cut(prompts, sampling.negative_prompt);
  at::Tensor vectors = opened.vectors();
  if (vectors.defined()) vectors = vectors.to(model.placement.device);
  const at::Tensor pictures = draw_pictures(model, prompts, wanted, vectors, sampling, command.quiet);
  write_pictures(command.output, pictures, wanted,
                 [&](const std::string& prompt, std::optional<std::int64_t> picture) {
                   return description_of(command, model, opened, sampling, prompt, picture);
                 });
  const std::string what =
      wanted.size() == 1 ? weights::in_quotes(wanted.front()) : fmt::format("{} prompts", wanted.size());
  fmt::print("{} of {} in {}\n", data::count_of_pictures(pictures.size(0)), what, command.output.string());
}

}  // namespace

subcommand sample_subcommand() {
  auto options = std::make_shared<sample_command>();
  sample_command& o = *options;
  option_rows rows{
      model_row(o.model),
      config_row(o.config),
      vae_row(o.vae),
      prediction_type_row(o.prediction_type),
      {.name = "embedding",
       .value = &o.embeddings,
       .help = "learned_embeds.safetensors of a run; may be repeated",
       .otherwise = "none"},
      {.name = "token",
       .value = &o.tokens,
       .help = "What prompts call the embedding, once for each in their order",
       .otherwise = "what its file calls it",
       .needs = {"--embedding", [&o] { return !o.embeddings.empty(); }}},
      lora_row(o.loras),
      custom_diffusion_row(o.custom_diffusion),
      {.name = "prompt",
       .value = &o.prompts.prompt,
       .help = "What to draw, {} for the token of one --embedding or tokens by name in it",
       .otherwise = "'a photo of a {}' with one --embedding"},
      {.name = "prompts",
       .value = &o.prompts.prompts,
       .help = "File with a prompt in each line, in place of --prompt; all begin with the same noise",
       .needs = {"no --prompt", [&o] { return o.prompts.prompt.empty(); }}},
      {.name = "negative-prompt",
       .value = &o.prompts.negative_prompt,
       .help = "What the pictures are to be unlike",
       .otherwise = "no prompt",
       .needs = {"a --guidance other than 1", [&o] { return o.sampling.guidance != 1.0; }}},
      {.name = "output",
       .value = &o.output,
       .help = "Folder for the pictures",
       .paths = offered_paths::folders},
      {.name = "count",
       .value = &o.count,
       .help = "Number of pictures of each prompt",
       .otherwise = "8, 1 of each with --prompts, or as many as an existing file of --latents has",
       .accepts = at_least(1)},
      {.name = "latents",
       .value = &o.latents,
       .help =
           "Initial latents, tensor \"latents\" of a .safetensors file: read, or written if there is no such file"},
  };
  append(rows, "Sampling", sampling_rows(o.sampling));
  append(rows, "Computing", compute_rows(o.compute, /*trains=*/false));
  append(rows, "Run",
         {{.name = "overwrite", .value = &o.overwrite, .help = "Replace the samples in --output"},
          threads_row(o.threads),
          quiet_row(o.quiet)});
  return {.name = "sample",
          .summary = "Draw pictures from a prompt, with a learned token if wanted",
          .options = rows,
          .examples =
              "Examples:\n"
              "  dvar sample --prompt 'a flat drawing of a red apple' --output apples\n"
              "  dvar sample --embedding OUT/learned_embeds.safetensors \\\n"
              "      --prompt 'a photo of a <thing>'\n"
              "  dvar sample --embedding OUT/learned_embeds.safetensors \\\n"
              "      --lora OUT/pytorch_lora_weights.safetensors:0.8\n"
              "  dvar sample --embedding cat/learned_embeds.safetensors \\\n"
              "      --embedding hat/learned_embeds.safetensors --prompt 'a <cat> in a <hat>'",
          .run = [options](const given_options&) { run(*options); }};
}

}  // namespace dvar::cli
