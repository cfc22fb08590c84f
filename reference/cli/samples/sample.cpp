#include <memory>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/compute_options.hpp"
#include "cli/model_choice.hpp"
#include "cli/options/common_rows.hpp"
#include "cli/samples/custom_diffusion_choice.hpp"
#include "cli/samples/lora_choice.hpp"
#include "cli/samples/sampling.hpp"
#include "data/image.hpp"
#include "data/picture_folder.hpp"
#include "data/text_lines.hpp"
#include "data/transform.hpp"
#include "error.hpp"
#include "reporting/progress.hpp"
#include "text/prompt_templates.hpp"
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
  std::string embedding;
  std::vector<std::string> loras;
  std::filesystem::path custom_diffusion;
  std::string token;
  std::string prompt;
  std::filesystem::path prompts;
  std::filesystem::path output = "samples";
  std::filesystem::path latents;
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
  sampling.count = command.count.value_or(command.prompts.empty() ? sampling.count : 1);
  if (command.count && std::filesystem::exists(command.latents)) {
    throw input_error(fmt::format("--count: expected none with --latents {}, which has a picture for each",
                                  command.latents.string()));
  }
  return sampling;
}

/// Returns a prompt with the token, if there is one, where it has a hole. Errors begin with `option`.
std::string filled(const std::string& prompt, const std::optional<opened_concept>& opened,
                   std::string_view option) {
  if (opened) {
    const std::string whole = text::fill(prompt, opened->learned.token);
    opened->prompts.check(whole);
    return whole;
  }
  if (text::has_hole(prompt)) {
    throw input_error(fmt::format(
        "{}: expected --embedding with it, which gives the token that goes where {{}} is", option));
  }
  return prompt;
}

/// Returns what is to be drawn: each prompt has the token in it if there is one.
std::vector<std::string> prompts_of(const sample_command& command,
                                    const std::optional<opened_concept>& opened) {
  const bool is_list = !command.prompts.empty();
  const std::string_view option = is_list ? "--prompts" : "--prompt";
  std::vector<std::string> prompts{command.prompt};
  if (is_list)
    prompts = data::read_lines(command.prompts, {.all = "prompts", .one = "a prompt"});
  else if (command.prompt.empty() && !opened)
    throw input_error("--prompt: expected a prompt, since no --embedding gives a token");
  else if (command.prompt.empty())
    prompts = {"a photo of a {}"};
  for (std::string& prompt : prompts) {
    prompt = filled(prompt, opened, option);
    if (opened && !opened->prompts.has_token(prompt)) {
      throw input_error(fmt::format("{}: expected {{}} or the token {} of {} in it, found {}", option,
                                    opened->learned.token, command.embedding, weights::in_quotes(prompt)));
    }
  }
  return prompts;
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

/// Writes each picture, and all of them in a grid.
void write_pictures(const std::filesystem::path& folder, const at::Tensor& pictures) {
  std::vector<at::Tensor> tiles;
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    tiles.push_back(data::to_bytes(pictures[i]));
    data::write_png(folder / fmt::format("{:03}.png", i), tiles.back());
  }
  data::write_png(folder / fmt::format("{}.png", sheet_name),
                  data::image_grid(tiles, std::min<std::int64_t>(4, pictures.size(0))));
}

void run(const sample_command& command) {
  set_threads(command.threads);
  sampling_options sampling = sampling_of(command);
  weights::output_folder folder = open_output(command);
  const auto plain =
      open_model(source_of(command), command.model, command.quiet, placement_of(command.compute));
  const auto model =
      with_custom_diffusion(plain.with(open_loras(plain, command.loras)), command.custom_diffusion);
  std::optional<opened_concept> opened;
  if (!command.embedding.empty()) opened = open_concept(model, command.embedding, command.token);
  const diffusion::prompt_encoder prompts = opened ? opened->prompts : diffusion::prompt_encoder{model};
  const std::vector<std::string> wanted = prompts_of(command, opened);
  sampling.negative_prompt = filled(command.sampling.negative_prompt, opened, "--negative-prompt");
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
  const at::Tensor vectors = opened ? opened->learned.vectors.to(model.placement.device) : at::Tensor{};
  const at::Tensor pictures = draw_pictures(model, prompts, wanted, vectors, sampling, command.quiet);
  write_pictures(command.output, pictures);
  const std::string what =
      wanted.size() == 1 ? weights::in_quotes(wanted.front()) : fmt::format("{} prompts", wanted.size());
  fmt::print("{} of {} in {}\n", data::count_of_pictures(pictures.size(0)), what, command.output.string());
}

}  // namespace

subcommand sample_subcommand() {
  auto options = std::make_shared<sample_command>();
  sample_command& o = *options;
  option_row of_embedding = token_of_embedding_row(o.token);
  of_embedding.needs = {"--embedding", [&o] { return !o.embedding.empty(); }};
  option_rows rows{
      model_row(o.model),
      config_row(o.config),
      vae_row(o.vae),
      prediction_type_row(o.prediction_type),
      {.name = "embedding", .value = &o.embedding, .help = "learned_embeds.safetensors of a run"},
      of_embedding,
      lora_row(o.loras),
      custom_diffusion_row(o.custom_diffusion),
      {.name = "prompt",
       .value = &o.prompt,
       .help = "What to draw, {} or the token in it",
       .otherwise = "'a photo of a {}' with --embedding"},
      {.name = "prompts",
       .value = &o.prompts,
       .help = "File with a prompt in each line, in place of --prompt; all begin with the same noise",
       .needs = {"no --prompt", [&o] { return o.prompt.empty(); }}},
      {.name = "negative-prompt",
       .value = &o.sampling.negative_prompt,
       .help = "What the pictures are to be unlike; with a --guidance other than 1",
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
              "      --lora OUT/pytorch_lora_weights.safetensors:0.8",
          .run = [options](const given_options&) { run(*options); }};
}

}  // namespace dvar::cli
