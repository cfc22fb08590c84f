#include <nlohmann/json.hpp>

#include "cli/train/train_command.hpp"
#include "evaluation/word_score_cache.hpp"

namespace dvar::cli {
namespace {

nlohmann::json optimiser_json(const training::inversion_options& inversion,
                              const train_command::texts& text) {
  const training::optimiser_options& optimiser = inversion.optimiser;
  const training::learning_rate_options& schedule = inversion.schedule;
  nlohmann::json json{{"name", text.optimiser},
                      {"learning_rate", optimiser.learning_rate},
                      {"weight_decay", optimiser.weight_decay},
                      {"betas", {optimiser.beta_first, optimiser.beta_second}},
                      {"epsilon", optimiser.epsilon},
                      {"momentum", optimiser.momentum},
                      {"schedule",
                       {{"shape", training::name_of(schedule.shape)},
                        {"warmup_steps", schedule.warmup_steps},
                        {"total_steps", schedule.total_steps},
                        {"restarts", schedule.restarts},
                        {"power", schedule.power},
                        {"last", schedule.last}}}};
  if (inversion.sharpness) {
    json["base"] = text.sam_base.value_or("adamw");
    json["radius"] = inversion.sharpness->radius;
    json["floor"] = inversion.sharpness->floor;
  }
  return json;
}

nlohmann::json probe_json(const training::inversion_run_options& run) {
  return {{"every", run.probe_every},
          {"batch", run.probe.batch},
          {"accumulation", run.probe.accumulation},
          {"seed", run.probe.seed},
          {"fixed", training::experiment_code(run.probe.fixed)},
          {"timesteps", training::name_of(run.probe.timesteps)},
          {"thirds", run.probe_thirds},
          {"mean_latents", run.probe.mean_latents},
          {"zero_noise", run.probe.zero_noise}};
}

nlohmann::json stopping_json(const train_command& command) {
  const training::stopping_options& stopping = command.run.stopping;
  nlohmann::json json{
      {"rules", command.text.stop.empty() ? std::vector<std::string>{"dvar"} : command.text.stop},
      {"max_steps", stopping.step_limit},
      {"window", stopping.plain.window},
      {"threshold", stopping.plain.threshold},
      {"recorded", {{"window", stopping.recorded().window}, {"threshold", stopping.recorded().threshold}}},
      {"score_every", stopping.score_every}};
  if (stopping.score_every > 0) {
    json["scored_samples"] = {{"count", command.scored_samples.count},
                              {"steps", command.scored_samples.steps},
                              {"guidance", command.sampling.guidance},
                              {"seed", command.sampling.seed},
                              {"prompt", command.prompt},
                              {"clip", command.clip.string()},
                              {"identity", command.identity.string()},
                              {"class_word", command.class_word}};
  }
  return json;
}

/// The captions themselves, by picture.
nlohmann::json captions_json(const data::concept_dataset& pictures) {
  nlohmann::json all = nlohmann::json::array();
  for (std::int64_t picture = 0; picture < pictures.size(); ++picture) {
    const data::caption_range range = pictures.captions_of(picture);
    const auto first = pictures.captions().begin() + range.first;
    all.push_back(std::vector<std::string>(first, first + range.count));
  }
  return all;
}

}  // namespace

std::string configuration_of(const train_command& command, const data::concept_dataset& pictures,
                             const initial_embedding& initial) {
  std::vector<std::string> names;
  for (const std::filesystem::path& path : pictures.paths())
    names.push_back(path.filename().string());
  // Of several ranks, each has a device of its own.
  const at::Device device = device_of(command.compute);
  const std::string devices =
      command.ranks == 1 ? device.str() : at::DeviceTypeName(device.type(), /*lower_case=*/true);
  nlohmann::json json{{"model", command.model},
                      {"config", command.config.string()},
                      {"token", command.token},
                      {"init", command.initial.text},
                      {"init_mode", command.initial.mode},
                      {"initial", initial.words},
                      {"vectors", initial.vectors.size(0)},
                      {"images", names},
                      {"pictures", evaluation::hash_of_pictures(pictures.images())},
                      {"size", pictures.options().size},
                      {"centre_crop", command.centre_crop},
                      {"flip", command.flip},
                      {"batch", command.inversion.batch},
                      {"accumulation", command.inversion.accumulation},
                      {"optimiser", optimiser_json(command.inversion, command.text)},
                      {"seed", command.inversion.seed},
                      {"probe", probe_json(command.run)},
                      {"stopping", stopping_json(command)},
                      {"ranks", command.ranks},
                      {"device", devices},
                      {"precision", command.compute.precision},
                      {"attention", command.compute.attention},
                      {"torch", TORCH_VERSION}};
  // What is not used is left out.
  if (command.inversion.micro_batch) json["micro_batch"] = *command.inversion.micro_batch;
  if (!pictures.captions().empty()) json["captions"] = captions_json(pictures);
  if (command.inversion.kind != text::concept_kind::object)
    json["learnable_property"] = text::name_of(command.inversion.kind);
  if (pictures.masks().defined()) {
    json["masks"] = evaluation::hash_of_pictures(pictures.masks());
    json["mask_background"] = command.mask_background;
  }
  return json.dump(2, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
}

}  // namespace dvar::cli
