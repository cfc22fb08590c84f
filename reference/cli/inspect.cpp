#include <algorithm>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/commands.hpp"
#include "cli/model_choice.hpp"
#include "cli/options/common_rows.hpp"
#include "cli/train/train_output.hpp"
#include "data/picture_format.hpp"
#include "data/png_text.hpp"
#include "diffusion/latent_diffusion.hpp"
#include "diffusion/prompt_encoder.hpp"
#include "diffusion/sampling_method.hpp"
#include "error.hpp"
#include "evaluation/clip_scorer.hpp"
#include "weights/messages.hpp"
#include "weights/output_folder.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::cli {
namespace {

std::string megabytes(double bytes) {
  return fmt::format("{:.1f} MB", bytes / 1e6);
}

void inspect_component(const std::string& name, const weights::weight_map& weights) {
  std::int64_t parameters = 0;
  double bytes = 0.0;
  std::map<std::string, std::int64_t> dtypes;
  for (const std::string& tensor : weights.names()) {
    const weights::tensor_info& info = weights.info(tensor);
    std::int64_t count = 1;
    for (const std::int64_t size : info.shape)
      count *= size;
    parameters += count;
    bytes += static_cast<double>(count) * static_cast<double>(c10::elementSize(info.dtype));
    ++dtypes[weights::to_string(info.dtype)];
  }
  std::string kinds;
  for (const auto& [dtype, tensors] : dtypes)
    kinds += fmt::format("{}{} x {}", kinds.empty() ? "" : ", ", tensors, dtype);
  fmt::print("{:<14} {:>8.2f} M parameters  {:>10}  {}\n", name, static_cast<double>(parameters) / 1e6,
             megabytes(bytes), kinds);
}

std::string_view name_of(weights::model_family family) {
  switch (family) {
    case weights::model_family::stable_diffusion:
      return "Stable Diffusion";
    case weights::model_family::stable_diffusion_xl:
      return "Stable Diffusion XL";
    case weights::model_family::ldm:
      return "LDM text-to-image";
  }
  throw std::logic_error("inspect: unknown family");
}

void inspect_model(const weights::model_source& source) {
  const std::filesystem::path& path = source.path;
  const weights::model_files files = weights::open_model_files(source);
  const bool is_ldm = files.family == weights::model_family::ldm;
  fmt::print("{}\n", name_of(files.family));
  inspect_component(is_ldm ? "bert" : "text_encoder", files.text_encoder.weights);
  if (files.second_text_encoder) inspect_component("text_encoder_2", files.second_text_encoder->weights);
  inspect_component("unet", files.unet.weights);
  inspect_component(is_ldm ? "vqvae" : "vae", files.autoencoder.weights);
  if (std::filesystem::is_directory(path / "image_encoder"))
    inspect_component("image_encoder", weights::open_component(path / "image_encoder").weights);
  // Opening it for real is the check of every name and shape.
  const auto model = diffusion::latent_diffusion::open(files);
  fmt::print("tokenizer      {} entries, prompts of {} tokens\n", model.tokenizer.vocabulary_size(),
             model.tokenizer.max_length());
  fmt::print("pictures       {0} x {0} pixels, latents {1} x {2} x {2}\n", model.resolution(),
             model.unet.options().in_channels, model.unet.options().sample_size);
  fmt::print("embedding      {} numbers a vector\n", fmt::join(model.text_encoder.widths(), " + "));
  fmt::print("predicts       {}\n", model.scheduler.get_or<std::string>("prediction_type", "epsilon"));
  if (!files.assumed.empty()) fmt::print("assumed        {}\n", files.assumed);
  const auto method = diffusion::sampling_method_in(model.scheduler);
  fmt::print("sampler        {}\n",
             method ? std::string{name_of(*method)}
                    : fmt::format("ddim: {} is not here", model.scheduler.get_or<std::string>(
                                                              "_class_name", "the scheduler's name")));
  fmt::print("scores         {}\n", evaluation::clip_scorer::is_in(path)
                                        ? "this directory's own CLIP"
                                        : "no image encoder here: give dvar train a CLIP with --clip");
  for (const std::string& name : model.surplus)
    fmt::print("not used       {}\n", weights::in_quotes(name));
  fmt::print("Complete: every tensor that the networks need is there, with the right shape.\n");
}

void inspect_file(const std::filesystem::path& file) {
  const weights::tensor_file stored{file};
  for (const auto& [key, value] : stored.metadata())
    fmt::print("# {} = {}\n", weights::printable(key), weights::printable(value));
  for (const std::string& name : stored.names()) {
    const weights::tensor_info& info = stored.info(name);
    fmt::print("{}  {}  {}\n", weights::printable(name), weights::to_string(info.dtype),
               weights::to_string(info.shape));
  }
}

/// Prints the texts of a picture, such as how it was drawn.
void inspect_picture(const std::filesystem::path& file) {
  const std::vector<data::png_text> texts = data::read_png_texts(file);
  if (texts.empty()) fmt::print("{} has no texts.\n", file.string());
  for (const auto& [keyword, text] : texts) {
    fmt::print("{}\n", weights::printable(keyword));
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      fmt::print("  {}\n", weights::printable(std::string_view{text}.substr(begin, end - begin)));
      begin = end + 1;
    }
  }
}

/// Says what a folder is that dvar has written.
void inspect_output(const std::filesystem::path& folder, const std::string& writer) {
  fmt::print("{} is a folder of dvar {}.\n", folder.string(), writer);
  if (writer != "train") return;
  const output_directory run{folder};
  if (std::filesystem::exists(run.configuration())) {
    const nlohmann::json configuration = weights::read_json(run.configuration());
    const auto text = [](const nlohmann::json& object, const char* key, const char* otherwise) {
      return object.is_object() && object.contains(key) && object.at(key).is_string()
                 ? object.at(key).get<std::string>()
                 : otherwise;
    };
    const auto print = [&](const nlohmann::json& of, const char* token_key) {
      fmt::print("token          {}\n", weights::printable(text(of, token_key, "unknown")));
      fmt::print("began as       {}\n", weights::printable(text(of, "initial", "unknown")));
    };
    if (configuration.is_object() && configuration.contains("concepts_list"))
      for (const nlohmann::json& each : configuration.at("concepts_list"))
        print(each, "modifier_token");
    else
      print(configuration, "token");
    fmt::print("ended          {}\n",
               weights::printable(text(configuration.value("outcome", nlohmann::json{}), "stop_sentence",
                                       "not yet; --resume goes on from its checkpoint")));
  }
  for (const std::filesystem::path& file : run.embeddings())
    if (std::filesystem::exists(file)) inspect_file(file);
}

struct inspect_command {
  std::string target;
  std::filesystem::path config;
  std::filesystem::path vae;
  std::string prediction_type;
};

/// Returns whether a file can only be a model in one file: anything else in a file is listed tensor by tensor.
bool is_checkpoint(const std::filesystem::path& file) {
  const std::vector<std::string> names = weights::tensor_file{file}.names();
  return std::ranges::any_of(
      names, [](const std::string& name) { return name.starts_with("model.diffusion_model."); });
}

void inspect(const inspect_command& command) {
  const std::filesystem::path path = model_directory(command.target);
  if (!std::filesystem::exists(path))
    throw input_error(path.string() +
                      ": expected a model directory, a file of tensors or a picture, found nothing");
  if (std::filesystem::is_regular_file(path) && std::filesystem::file_size(path) > 0 &&
      data::format_of(path) == data::picture_format::png) {
    inspect_picture(path);
    return;
  }
  if (const auto writer = weights::writer_of(path); writer && *writer != "pretrain") {
    inspect_output(path, *writer);
    return;
  }
  // Without a tokenizer no model can be opened, but what the file holds can be listed.
  const bool as_model =
      std::filesystem::is_directory(path) || (is_checkpoint(path) && !command.config.empty());
  if (as_model)
    inspect_model({.path = path,
                   .configuration = command.config,
                   .autoencoder = command.vae,
                   .prediction = command.prediction_type});
  else
    inspect_file(path);
}

}  // namespace

subcommand inspect_subcommand() {
  auto options = std::make_shared<inspect_command>();
  return {
      .name = "inspect",
      .summary = "Say what a model or a file of tensors holds, or how a picture was drawn",
      .options =
          {{.name = "target",
            .value = &options->target,
            .help =
                "The bundled model (demo), a model directory, a file of tensors (.safetensors, .pt, .bin, .ckpt), or a picture (.png)",
            .positional = true,
            .required = true,
            .offers = {"demo"},
            .paths = offered_paths::files},
           config_row(options->config),
           vae_row(options->vae),
           prediction_type_row(options->prediction_type)},
      .examples =
          "Examples:\n"
          "  dvar inspect demo\n"
          "  dvar inspect OUT/learned_embeds.safetensors\n"
          "  dvar inspect OUT/samples/after-000.png\n"
          "  dvar inspect v1-5-pruned-emaonly.safetensors --config stable-diffusion-v1-5",
      .run = [options](const given_options&) { inspect(*options); }};
}

}  // namespace dvar::cli
