#include <fmt/format.h>

#include "cli/train_command.hpp"
#include "error.hpp"

namespace dvar::cli {
namespace {

[[noreturn]] void refuse(const char* option, const char* expected, const std::string& found) {
  throw input_error(fmt::format("{}: expected {}, found '{}'", option, expected, found));
}

void resolve_optimiser(train_command& command) {
  const train_command::texts& text = command.text;
  training::inversion_options& inversion = command.inversion;
  const bool sharpness_aware = text.optimiser == "sam" || text.optimiser == "asam";
  const std::string& base = sharpness_aware ? text.sam_base : text.optimiser;
  if (base == "sgd") {
    inversion.optimiser.kind = training::optimiser_kind::sgd;
  } else if (base != "adamw") {
    if (sharpness_aware) refuse("--sam-base", "adamw or sgd", base);
    refuse("--optimiser", "adamw, sgd, sam or asam", base);
  }
  if (sharpness_aware) {
    const bool adaptive = text.optimiser == "asam";
    // The papers' choices for their smallest data set, CIFAR-10.
    inversion.sharpness = training::sharpness_options{
        .radius = text.sam_radius.value_or(adaptive ? 0.5 : 0.05), .adaptive = adaptive};
  } else if (text.sam_radius) {
    throw input_error("--sam-radius: expected --optimiser sam or asam with it");
  }
  if (text.scale_learning_rate) {
    inversion.optimiser.learning_rate *= static_cast<double>(inversion.batch * inversion.accumulation);
  }
}

void resolve_stopping(train_command& command) {
  const train_command::texts& text = command.text;
  training::stopping_options& stopping = command.run.stopping;
  const std::vector<std::string> stops = text.stop.empty() ? std::vector<std::string>{"dvar"} : text.stop;
  stopping.recorded.window = text.window.value_or(stopping.recorded.window);
  stopping.recorded.threshold = text.threshold.value_or(stopping.recorded.threshold);
  if ((text.window || text.threshold) && std::find(stops.begin(), stops.end(), "dvar") == stops.end()) {
    throw input_error(fmt::format("{}: expected --stop dvar with it; other rules have options of their own",
                                  text.window ? "--window" : "--threshold"));
  }
  if (stopping.recorded.window < 2) {
    throw input_error(fmt::format("--window: expected at least 2, found {}", stopping.recorded.window));
  }
  if (!(stopping.recorded.threshold > 0.0 && stopping.recorded.threshold <= 1.0)) {
    throw input_error(fmt::format("--threshold: expected more than 0 and at most 1, found {}",
                                  stopping.recorded.threshold));
  }
  for (const std::string& stop : stops)
    training::add_stop(stopping, stop);
  if (text.score_every) {
    if (stopping.score_rule && *text.score_every != stopping.score_every) {
      throw input_error(
          "--score-every: expected --stop clip:every=K alone to say how often samples are scored");
    }
    stopping.score_every = *text.score_every;
  }
  if (command.run.probe_every == 0 && !stopping.probe_rules.empty()) {
    throw input_error("--probe-every 0: expected a --stop that needs no probe, such as steps:N or clip");
  }
}

}  // namespace

void resolve(train_command& command) {
  resolve_optimiser(command);
  resolve_stopping(command);
  command.inversion.schedule.shape = training::schedule_shape_named(command.text.schedule);
  command.inversion.schedule.total_steps = command.run.stopping.step_limit;
  command.run.probe.fixed = training::probe_sources_from(command.text.probe_fixed, "--probe-fixed");
  command.run.probe.timesteps =
      training::timestep_choice_from(command.text.probe_timesteps, "--probe-timesteps");
}

}  // namespace dvar::cli
