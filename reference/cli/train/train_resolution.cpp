#include <fmt/format.h>

#include "cli/train/train_command.hpp"
#include "error.hpp"
#include "text/prompt_templates.hpp"

namespace dvar::cli {
namespace {

[[noreturn]] void refuse(const char* option, const char* expected, const std::string& found) {
  throw input_error(fmt::format("{}: expected {}, found '{}'", option, expected, found));
}

/// Puts a value that is given where it belongs; refuses it where nothing would read it.
template <class Value>
void resolve_given(const std::optional<Value>& given, Value& value, bool is_read, const char* option,
                   const char* needed) {
  if (!given) return;
  if (!is_read) throw input_error(fmt::format("{}: expected {} with it", option, needed));
  value = *given;
}

void resolve_optimiser(train_command& command) {
  const train_command::texts& text = command.text;
  training::inversion_options& inversion = command.inversion;
  const bool sharpness_aware = text.optimiser == "sam" || text.optimiser == "asam";
  std::string base = sharpness_aware ? "adamw" : text.optimiser;
  resolve_given(text.sam_base, base, sharpness_aware, "--sam-base", "--optimiser sam or asam");
  if (base == "sgd") {
    inversion.optimiser.kind = training::optimiser_kind::sgd;
  } else if (base != "adamw") {
    if (sharpness_aware) refuse("--sam-base", "adamw or sgd", base);
    refuse("--optimiser", "adamw, sgd, sam or asam", base);
  }
  resolve_given(text.momentum, inversion.optimiser.momentum, base == "sgd", "--momentum",
                "--optimiser sgd or --sam-base sgd");
  if (sharpness_aware) {
    const bool adaptive = text.optimiser == "asam";
    // The papers' choices for their smallest data set, CIFAR-10.
    inversion.sharpness = training::sharpness_options{
        .radius = text.sam_radius.value_or(adaptive ? 0.5 : 0.05), .adaptive = adaptive};
  } else if (text.sam_radius) {
    throw input_error("--sam-radius: expected --optimiser sam or asam with it");
  }
  if (text.scale_learning_rate) {
    inversion.optimiser.learning_rate *=
        static_cast<double>(inversion.batch * inversion.accumulation * command.ranks);
  }
}

void resolve_schedule(train_command& command) {
  using shape = training::schedule_shape;
  const train_command::texts& text = command.text;
  training::learning_rate_options& schedule = command.inversion.schedule;
  schedule.shape = training::schedule_shape_from(text.schedule, "--schedule");
  schedule.total_steps = command.run.stopping.step_limit;
  resolve_given(text.warmup_steps, schedule.warmup_steps, schedule.shape != shape::constant, "--warmup-steps",
                "--schedule constant_with_warmup or another that is not constant");
  resolve_given(text.restarts, schedule.restarts, schedule.shape == shape::cosine_with_restarts, "--restarts",
                "--schedule cosine_with_restarts");
  const bool polynomial = schedule.shape == shape::polynomial;
  resolve_given(text.power, schedule.power, polynomial, "--power", "--schedule polynomial");
  resolve_given(text.last_learning_rate, schedule.last, polynomial, "--last-learning-rate",
                "--schedule polynomial");
}

void resolve_stopping(train_command& command) {
  const train_command::texts& text = command.text;
  training::stopping_options& stopping = command.run.stopping;
  const std::vector<std::string> stops = text.stop.empty() ? std::vector<std::string>{"dvar"} : text.stop;
  variance_ratio_options& plain = stopping.plain;
  plain.window = text.window.value_or(plain.window);
  plain.threshold = text.threshold.value_or(plain.threshold);
  if ((text.window || text.threshold) && std::find(stops.begin(), stops.end(), "dvar") == stops.end()) {
    throw input_error(fmt::format("{}: expected --stop dvar with it; other rules have options of their own",
                                  text.window ? "--window" : "--threshold"));
  }
  if (plain.window < 2)
    throw input_error(fmt::format("--window: expected at least 2, found {}", plain.window));
  if (!(plain.threshold > 0.0 && plain.threshold <= 1.0)) {
    throw input_error(
        fmt::format("--threshold: expected more than 0 and at most 1, found {}", plain.threshold));
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
  const bool scored = stopping.score_every != 0;
  resolve_given(text.score_samples, command.scored_samples.count, scored, "--score-samples",
                "--stop clip or --score-every");
  resolve_given(text.score_steps, command.scored_samples.steps, scored, "--score-steps",
                "--stop clip or --score-every");
  if (command.run.probe_every == 0 && !stopping.probe_rules.empty())
    throw input_error("--probe-every 0: expected a --stop that needs no probe, such as steps:N or clip");
  if (command.run.probe_every == 0 && command.run.probe_thirds)
    throw input_error("--probe-thirds: expected a probe, found --probe-every 0");
}

void resolve_pictures(train_command& command) {
  const train_command::texts& text = command.text;
  if (text.learnable_property) {
    if (command.captions)
      throw input_error("--learnable-property: expected templates to choose from, found --captions");
    command.inversion.kind = text::concept_kind_from(*text.learnable_property, "--learnable-property");
  }
  command.masks = !text.masks.empty();
  if (command.masks && text.masks != "beside") command.masks_dir = text.masks;
  resolve_given(text.mask_background, command.mask_background, command.masks, "--mask-background", "--masks");
  command.prompt = text.prompt.value_or(std::string{text::templates_of(command.inversion.kind).front()});
}

}  // namespace

void resolve(train_command& command) {
  resolve_pictures(command);
  resolve_optimiser(command);
  resolve_stopping(command);
  resolve_schedule(command);
  command.run.probe.fixed = training::probe_sources_from(command.text.probe_fixed, "--probe-fixed");
  command.run.probe.timesteps =
      training::timestep_choice_from(command.text.probe_timesteps, "--probe-timesteps");
}

}  // namespace dvar::cli
