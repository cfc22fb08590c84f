#include "cli/train/train_resolution.hpp"

#include <cmath>
#include <string>

#include <fmt/format.h>

#include "error.hpp"
#include "text/prompt_templates.hpp"

namespace dvar::cli {
namespace {

/// Puts the numbers of the paper's later versions for DreamBooth-LoRA (arXiv 2302.04841) where none were given.
void resolve_method(train_options& options) {
  training::inversion_options& inversion = options.inversion;
  inversion.method = training::method_kinds.value_of(options.text.method, "--method");
  inversion.lora.layers = training::lora_layer_names.value_of(options.text.lora_layers, "--lora-layers");
  if (inversion.method != training::method_kind::dreambooth_lora) return;
  if (!options.given.contains("window")) options.text.window = 440;
  if (!options.given.contains("threshold")) options.text.threshold = 0.4;
  if (!options.given.contains("max-steps")) options.run.stopping.step_limit = 1000;
  if (options.text.optimizer.scale_learning_rate) {
    inversion.lora.learning_rate *=
        static_cast<double>(inversion.batch * inversion.accumulation * options.ranks);
  }
}

void resolve_pictures(train_options& options) {
  const train_options::texts& text = options.text;
  options.inversion.kind = text::concept_kind_from(text.learnable_property, "--learnable-property");
  options.masks = !text.masks.empty();
  if (options.masks && text.masks != "beside") options.masks_dir = text.masks;
  options.prompt = text::with_holes(options.prompt, options.token);
  if (options.prompt.empty())
    options.prompt = std::string{text::templates_of(options.inversion.kind).front()};
}

void resolve_optimizer(train_options& options) {
  const std::int64_t inputs = options.inversion.batch * options.inversion.accumulation * options.ranks;
  auto [optimizer, sharpness] = resolve(options.text.optimizer, inputs);
  options.inversion.optimizer = optimizer;
  options.inversion.sharpness = sharpness;
}

void resolve_schedule(train_options& options) {
  training::learning_rate_options& schedule = options.inversion.schedule;
  schedule.shape = training::schedule_shapes.value_of(options.text.optimizer.schedule, "--schedule");
  schedule.total_steps = options.run.stopping.step_limit;
}

void resolve_probe(train_options& options) {
  training::probe_options& probe = options.run.probe;
  probe.fixed = training::probe_sources_from(options.text.probe_fixed, "--probe-fixed");
  probe.timesteps = training::timestep_choices.value_of(options.text.probe_timesteps, "--probe-timesteps");
}

/// Returns the rule of `--stop dvar`, which has its options in `--window` and `--threshold`.
std::string plain_stop(const train_options::texts& text) {
  return to_text(
      rule_text{std::string{training::default_stop},
                {{"window", std::to_string(text.window)}, {"threshold", fmt::format("{}", text.threshold)}}});
}

void resolve_stopping(train_options& options) {
  training::stopping_options& stopping = options.run.stopping;
  stopping = stopping_of(options.text, stopping.step_limit);
  if (options.run.probe_every == 0 && !stopping.probe_rules.empty())
    throw input_error("--probe-every 0: expected a --stop that needs no probe, such as steps:N or clip");
}

/// Checks what no option can be asked alone.
void check_together(const train_options& options) {
  const training::learning_rate_options& schedule = options.inversion.schedule;
  const double rate = training::learning_rate_of(options.inversion.optimizer);
  if (!std::isfinite(rate)) {
    throw input_error(
        fmt::format("--learning-rate: expected a finite number after --scale-lr, found {}", rate));
  }
  // Optimizers compute in fp32, with corrections that make a rate a thousand times as large.
  constexpr double highest_rate = 1e30;
  if (rate > highest_rate) {
    throw input_error(fmt::format("--learning-rate: expected at most {:g}, after --scale-lr, found {:g}",
                                  highest_rate, rate));
  }
  if (const auto& sharpness = options.inversion.sharpness; sharpness && sharpness->radius > highest_rate) {
    throw input_error(
        fmt::format("--sam-radius: expected at most {:g}, found {:g}", highest_rate, sharpness->radius));
  }
  if (schedule.shape == training::schedule_shape::polynomial && !(schedule.last < rate)) {
    throw input_error(fmt::format(
        "--last-learning-rate: expected less than the learning rate of {} for the polynomial schedule, found {}",
        rate, schedule.last));
  }
}

}  // namespace

training::stopping_options stopping_of(const train_options::texts& text, std::int64_t step_limit) {
  training::stopping_options stopping{.step_limit = step_limit};
  for (const std::string& stop : text.stop)
    training::add_stop(stopping, stop == training::default_stop ? plain_stop(text) : stop);
  if (text.score_every) {
    if (stopping.score_rule && *text.score_every != stopping.score_every) {
      throw input_error(
          "--score-every: expected --stop clip:every=K alone to say how often samples are scored");
    }
    stopping.score_every = *text.score_every;
  }
  return stopping;
}

void resolve(train_options& options) {
  const option_rows rows = rows_of(options);
  check_values(rows, options.given);
  resolve_method(options);
  resolve_pictures(options);
  resolve_optimizer(options);
  resolve_stopping(options);
  resolve_schedule(options);
  resolve_probe(options);
  check_needs(rows, options.given);
  check_together(options);
}

}  // namespace dvar::cli
