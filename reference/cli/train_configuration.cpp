#include <nlohmann/json.hpp>

#include "cli/train_command.hpp"

namespace dvar::cli {

std::string configuration_of(const train_command& command, const data::concept_dataset& pictures,
                             const std::string& initial_word) {
  std::vector<std::string> names;
  for (const std::filesystem::path& path : pictures.paths())
    names.push_back(path.filename().string());
  const training::adamw_options& optimiser = command.inversion.optimiser;
  return nlohmann::json{{"model", command.model},
                        {"config", command.config.string()},
                        {"token", command.token},
                        {"vectors", command.vectors},
                        {"initial", initial_word},
                        {"images", names},
                        {"size", pictures.options().size},
                        {"centre_crop", command.centre_crop},
                        {"flip", command.flip},
                        {"batch", command.inversion.batch},
                        {"learning_rate", optimiser.learning_rate},
                        {"weight_decay", optimiser.weight_decay},
                        {"betas", {optimiser.beta_first, optimiser.beta_second}},
                        {"epsilon", optimiser.epsilon},
                        {"seed", command.inversion.seed},
                        {"probe_batch", command.probe.batch},
                        {"probe_seed", command.probe.seed},
                        {"probe_every", command.probe_every},
                        {"window", command.stopping.rule.window},
                        {"threshold", command.stopping.rule.threshold},
                        {"max_steps", command.stopping.step_limit},
                        {"device", device_of(command.compute).str()},
                        {"precision", command.compute.precision},
                        {"attention", command.compute.attention},
                        {"torch", TORCH_VERSION}}
      .dump(2);
}

}  // namespace dvar::cli
