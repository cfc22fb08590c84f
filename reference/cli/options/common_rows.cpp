#include "cli/options/common_rows.hpp"

#include <dvar/catalog/make_criterion.hpp>

namespace dvar::cli {

option_row model_row(std::string& model) {
  return {
      .name = "model",
      .value = &model,
      .help =
          "The bundled model (demo), a model directory of Stable Diffusion, Stable Diffusion XL or LDM, or a checkpoint in one file (.safetensors, .ckpt)",
      .offers = {"demo"},
      .paths = offered_paths::files};
}

option_row config_row(std::filesystem::path& config) {
  return {
      .name = "config",
      .value = &config,
      .help =
          "For a checkpoint in one file: directory with the tokenizer, and the config.json files if it has them",
      .paths = offered_paths::folders};
}

option_row vae_row(std::filesystem::path& vae) {
  return {
      .name = "vae",
      .value = &vae,
      .help = "Another autoencoder: its directory, a model directory that has it, or a file of its tensors",
      .otherwise = "the model's own",
      .paths = offered_paths::files};
}

option_row prediction_type_row(std::string& prediction) {
  return {.name = "prediction-type",
          .value = &prediction,
          .help = "What the network predicts, for a checkpoint in one file that does not say",
          .otherwise = "what the model's files say",
          .accepts = choices{{"epsilon", "the noise"}, {"v_prediction", "the velocity"}}};
}

option_row center_crop_row(bool& center_crop) {
  return {.name = "center-crop",
          .aliases = {"centre-crop"},
          .value = &center_crop,
          .help = "Cut the centered square instead of squeezing the whole picture into one"};
}

option_row threads_row(int& threads) {
  return {.name = "threads",
          .value = &threads,
          .help = "Threads; 0: one per processor, or a rank's share of them",
          .accepts = at_least(0),
          .decides = never};
}

option_row quiet_row(bool& quiet) {
  return {.name = "quiet", .value = &quiet, .help = "No progress", .decides = never, .given_by_sweep = true};
}

option_row json_row(bool& json, const std::string& help) {
  return {.name = "json", .value = &json, .help = help, .decides = never, .given_by_sweep = true};
}

std::vector<std::string> offered_rules() {
  std::vector<std::string> rules{"dvar:v1", "dvar:v2", "clip:v1", "clip:v2"};
  for (const std::string_view name : criterion_names())
    // Its number is not an option of it.
    rules.push_back(name == "steps" ? "steps:" : std::string{name});
  return rules;
}

}  // namespace dvar::cli
