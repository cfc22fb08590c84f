#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/model_choice.hpp"
#include "diffusion/latent_diffusion.hpp"
#include "diffusion/prompt_encoder.hpp"
#include "diffusion/sampling_method.hpp"
#include "error.hpp"
#include "evaluation/clip_scorer.hpp"
#include "weights/safetensors.hpp"

namespace dvar::cli {
namespace {

std::string megabytes(double bytes) {
  return fmt::format("{:.1f} MB", bytes / 1e6);
}

void inspect_component(const std::filesystem::path& directory) {
  const weights::component_files files = weights::open_component(directory);
  std::int64_t parameters = 0;
  double bytes = 0.0;
  std::map<std::string, std::int64_t> dtypes;
  for (const std::string& name : files.weights.names()) {
    const weights::tensor_info& info = files.weights.info(name);
    std::int64_t count = 1;
    for (const std::int64_t size : info.shape)
      count *= size;
    parameters += count;
    bytes += static_cast<double>(count) * static_cast<double>(c10::elementSize(info.dtype));
    ++dtypes[weights::to_string(info.dtype)];
  }
  std::string kinds;
  for (const auto& [dtype, tensors] : dtypes) {
    kinds += fmt::format("{}{} x {}", kinds.empty() ? "" : ", ", tensors, dtype);
  }
  fmt::print("{:<14} {:>8.2f} M parameters  {:>10}  {}\n", directory.filename().string(),
             static_cast<double>(parameters) / 1e6, megabytes(bytes), kinds);
}

void inspect_model(const std::filesystem::path& directory) {
  for (const char* part : {"text_encoder", "bert", "unet", "vae", "vqvae", "image_encoder"}) {
    if (std::filesystem::is_directory(directory / part)) inspect_component(directory / part);
  }
  // Opening it for real is the check of every name and shape.
  const auto model = diffusion::latent_diffusion::open(directory);
  fmt::print("tokenizer      {} entries, prompts of {} tokens\n", model.tokenizer.vocabulary_size(),
             model.tokenizer.max_length());
  fmt::print("pictures       {0} x {0} pixels, latents {1} x {2} x {2}\n", model.resolution(),
             model.unet.options().in_channels, model.unet.options().sample_size);
  fmt::print("embedding      {} numbers a vector\n", model.text_encoder.width());
  const auto method = diffusion::sampling_method_in(model.scheduler);
  fmt::print("sampler        {}\n",
             method ? std::string{name_of(*method)}
                    : fmt::format("ddim: {} is not here", model.scheduler.get_or<std::string>(
                                                              "_class_name", "the scheduler's name")));
  fmt::print("scores         {}\n", evaluation::clip_scorer::is_in(directory)
                                        ? "this directory's own CLIP"
                                        : "no image encoder here: give dvar train a CLIP with --clip");
  fmt::print("Complete: every tensor that the networks need is there, with the right shape.\n");
}

void inspect_file(const std::filesystem::path& file) {
  const weights::safetensors_file stored{file};
  for (const auto& [key, value] : stored.metadata())
    fmt::print("# {} = {}\n", key, value);
  for (const std::string& name : stored.names()) {
    const weights::tensor_info& info = stored.info(name);
    fmt::print("{}  {}  {}\n", name, weights::to_string(info.dtype), weights::to_string(info.shape));
  }
}

void inspect(const std::string& target) {
  const std::filesystem::path path = model_directory(target);
  if (!std::filesystem::exists(path)) {
    throw input_error(path.string() + ": expected a model directory or a safetensors file, found nothing");
  }
  if (std::filesystem::is_directory(path)) {
    inspect_model(path);
  } else {
    inspect_file(path);
  }
}

}  // namespace

void add_inspect(CLI::App& program) {
  auto target = std::make_shared<std::string>();
  CLI::App* command =
      program.add_subcommand("inspect", "Say what a model directory or a safetensors file holds");
  command->add_option("target", *target, "'demo', a model directory, or a .safetensors file")->required();
  command->footer("Examples:\n  dvar inspect demo\n  dvar inspect OUT/learned_embeds.safetensors");
  command->callback([target] { inspect(*target); });
}

}  // namespace dvar::cli
