#include "cli/train/train_resumption.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/train/train_configuration.hpp"
#include "cli/train/train_resolution.hpp"
#include "error.hpp"
#include "training/checkpoint.hpp"

namespace dvar::cli {
namespace {

using nlohmann::json;

/// Returns the configuration without what only decides when a run stops.
std::string without_stopping(const std::string& configuration) {
  json object = json::parse(configuration);
  for (const char* const key : {"stop", "window", "threshold", "max_steps"})
    object.erase(key);
  return object.dump();
}

/// Returns what was to stop the run with this configuration.
training::stopping_options stopping_in(const std::string& configuration) {
  const json saved = json::parse(configuration);
  train_options::texts text;
  text.stop = saved.value("stop", text.stop);
  text.window = saved.value("window", text.window);
  text.threshold = saved.value("threshold", text.threshold);
  if (const auto every = saved.find("score_every"); every != saved.end())
    text.score_every = every->get<std::int64_t>();
  return stopping_of(text, saved.value("max_steps", training::stopping_options{}.step_limit),
                     saved.value("probe_every", std::int64_t{1}));
}

/// Returns whether the learning rate of a step depends on how many there are to be.
bool falls_to_the_end(training::schedule_shape shape) {
  return shape != training::schedule_shape::constant &&
         shape != training::schedule_shape::constant_with_warmup;
}

std::string text_of_interval(std::int64_t every) {
  return every == 0 ? "never" : fmt::format("every {} steps", every);
}

/// Throws `dvar::input_error` when the run would have taken other steps, had it been told of the new stop at once.
void check_same_steps(const train_options& options, const training::stopping_options& before,
                      const std::filesystem::path& root) {
  const training::stopping_options& now = options.run.stopping;
  if (before.score_every != now.score_every) {
    throw input_error(fmt::format(
        "--resume: samples were scored {} in the run in {} and are scored {} now; --score-every sets it without --stop clip",
        text_of_interval(before.score_every), root.string(), text_of_interval(now.score_every)));
  }
  if (before.step_limit != now.step_limit && falls_to_the_end(options.inversion.schedule.shape)) {
    throw input_error(fmt::format(
        "--resume: the last step was {} in the run in {} and is {} now; with --schedule {} that makes other learning rates of all steps",
        before.step_limit, root.string(), now.step_limit, options.text.optimizer.schedule));
  }
}

}  // namespace

std::optional<training::former_stopping> check_resumed(const train_options& options,
                                                       const output_directory& output,
                                                       const std::string& configuration) {
  const training::checkpoint saved = training::read_newest_checkpoint(output.checkpoint()).saved;
  std::optional<training::former_stopping> former;
  if (saved.configuration != configuration) {
    former = {saved.configuration, stopping_in(saved.configuration)};
    check_same_steps(options, former->options, output.root);
  }
  std::string all;
  for (const std::string& difference :
       differences(without_stopping(saved.configuration), without_stopping(configuration), output.root))
    all.append(all.empty() ? "--resume: " : "; ").append(difference);
  if (!all.empty()) throw input_error(all);
  return former;
}

}  // namespace dvar::cli
