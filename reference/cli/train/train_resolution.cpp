#include "cli/train/train_resolution.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "cli/train/concepts_list.hpp"
#include "error.hpp"
#include "text/prompt_templates.hpp"
#include "training/spherical_sgd.hpp"

namespace dvar::cli {
namespace {

/// Puts what is learned: what the options say, or the file of `--concepts-list`. Before this is read, options that cannot be beside
/// it are refused.
void resolve_concepts(train_options& options, const option_rows& rows) {
  if (options.concepts_list.empty()) {
    options.concepts = {{.images = options.images,
                         .token = options.token,
                         .initial = options.initial,
                         .class_pictures = options.class_pictures}};
    return;
  }
  given_options of_concepts;
  for (const char* const option :
       {"concepts-list", "images", "token", "init", "class-prompt", "class-pictures"})
    if (options.given.contains(option)) of_concepts.insert(option);
  check_needs(rows, of_concepts);
  options.concepts = read_concepts_list(options.concepts_list, options);
}

/// Holds what the paper's later versions (arXiv 2302.04841) have for a method.
struct published_numbers {
  std::uint64_t window;
  double threshold;
  std::int64_t step_limit;
};

/// Puts the paper's numbers where none were given.
void resolve_numbers(train_options& options, const published_numbers& numbers) {
  if (!options.given.contains("window")) options.text.window = numbers.window;
  if (!options.given.contains("threshold")) options.text.threshold = numbers.threshold;
  if (!options.given.contains("max-steps")) options.run.stopping.step_limit = numbers.step_limit;
}

/// Puts the rate of the paper's directional updates where none was given. Where nothing but the token learns, no optimizer is left
/// beside them: throws `dvar::input_error` when one was given.
void resolve_token_updates(train_options& options) {
  training::token_update_options& updates = options.inversion.token_updates;
  updates.kind = training::token_updates.value_of(options.text.token_update, "--token-update");
  if (updates.kind != training::token_update::directional) return;
  if (!options.given.contains("learning-rate"))
    options.text.optimizer.learning_rate = training::spherical_sgd_options{}.learning_rate;
  if (options.inversion.method != training::method_kind::textual_inversion) return;
  for (const char* const option : {"optimizer", "weight-decay"}) {
    if (options.given.contains(option)) {
      throw input_error(fmt::format(
          "--{}: expected no --token-update directional with it, which takes the steps of Textual Inversion",
          option));
    }
  }
}

/// Puts the rate of 1 that Prodigy's own step size is multiplied by where none was given.
void resolve_rates(train_options& options) {
  if (!options.text.optimizer.is_prodigy()) return;
  const double usual = training::prodigy_options{}.learning_rate;
  const auto put = [&](const char* option, double& rate) {
    if (!options.given.contains(option)) rate = usual;
  };
  put("learning-rate", options.text.optimizer.learning_rate);
  put("lora-learning-rate", options.inversion.lora.learning_rate);
  put("kv-learning-rate", options.inversion.custom_diffusion.learning_rate);
}

void resolve_method(train_options& options) {
  training::inversion_options& inversion = options.inversion;
  inversion.method = training::method_kinds.value_of(options.text.method, "--method");
  inversion.lora.layers = training::lora_layer_names.value_of(options.text.lora_layers, "--lora-layers");
  inversion.custom_diffusion.rescale = !options.text.no_rescale;
  if (learns_lora(options)) resolve_numbers(options, {.window = 440, .threshold = 0.4, .step_limit = 1000});
  if (learns_keys_and_values(options)) {
    resolve_numbers(options, {.window = 180, .threshold = 0.15, .step_limit = 500});
    if (!inversion.max_gradient_norm) inversion.max_gradient_norm = 1.0;
  }
  if (options.text.optimizer.scale_learning_rate) {
    const auto inputs = static_cast<double>(inversion.batch * inversion.accumulation * options.ranks);
    inversion.lora.learning_rate *= inputs;
    if (inversion.lora.text_learning_rate) *inversion.lora.text_learning_rate *= inputs;
    inversion.custom_diffusion.learning_rate *= inputs;
  }
}

void resolve_average(train_options& options) {
  const train_options::texts& text = options.text;
  if (text.ema) options.inversion.average = {.decay = *text.ema, .warmup_power = text.ema_power};
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

/// Returns the rule of `--stop dvar`, which has its options in `--window` and `--threshold`. The window is in steps there: as many
/// probes as lie in it.
std::string plain_stop(const train_options::texts& text, std::int64_t probe_every) {
  const auto every = static_cast<std::size_t>(std::max<std::int64_t>(probe_every, 1));
  const std::size_t probes = training::probes_in(text.window, every);
  return to_text(
      rule_text{std::string{training::default_stop},
                {{"window", std::to_string(probes)}, {"threshold", fmt::format("{}", text.threshold)}}});
}

/// Returns whether of all rules the one of `--stop dvar` alone is shown the probe.
bool is_probed_by_steps(const train_options::texts& text) {
  const auto counts_steps = [](const std::string& stop) {
    return stop == training::default_stop || training::parse_stop(stop).shown != probe_loss_name;
  };
  return std::ranges::find(text.stop, training::default_stop) != text.stop.end() &&
         std::ranges::all_of(text.stop, counts_steps);
}

/// Puts the usual time between probes where none was given. Rules that count probes are shown one after every step: else their
/// settings would mean something else. So are methods for which nobody has measured what fewer change, and runs that end before
/// the rule can judge: their probes are there to be looked at.
void resolve_cadence(train_options& options) {
  if (options.given.contains("probe-every")) return;
  constexpr std::uint64_t shortest_window = 30;
  const bool may_wait = options.inversion.method == training::method_kind::textual_inversion &&
                        is_probed_by_steps(options.text) && options.text.window >= shortest_window &&
                        std::cmp_greater(options.run.stopping.step_limit, options.text.window);
  if (!may_wait) options.run.probe_every = 1;
}

void resolve_stopping(train_options& options) {
  training::stopping_options& stopping = options.run.stopping;
  resolve_cadence(options);
  stopping = stopping_of(options.text, stopping.step_limit, options.run.probe_every);
  if (stopping.score_rule && learns_several(options)) {
    throw input_error(
        "--stop clip: expected no --concepts-list with it; samples of several tokens have no one score");
  }
  if (options.run.probe_every == 0 && !stopping.probe_rules.empty())
    throw input_error("--probe-every 0: expected a --stop that needs no probe, such as steps:N or clip");
  if (stopping.held_out_rules.empty()) return;
  if (!holds_out(options)) {
    throw input_error(
        "--stop held_out: expected --held-out, with pictures whose loss the rule is shown, or --hold-out with a number of those in --images");
  }
  if (options.run.held_out_every == 0)
    throw input_error("--held-out-every 0: expected at least 1, for --stop held_out:...");
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

training::stopping_options stopping_of(const train_options::texts& text, std::int64_t step_limit,
                                       std::int64_t probe_every) {
  training::stopping_options stopping{.step_limit = step_limit};
  for (const std::string& stop : text.stop)
    training::add_stop(stopping, stop == training::default_stop ? plain_stop(text, probe_every) : stop);
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
  resolve_concepts(options, rows);
  resolve_rates(options);
  resolve_method(options);
  resolve_token_updates(options);
  resolve_average(options);
  resolve_pictures(options);
  resolve_optimizer(options);
  resolve_stopping(options);
  resolve_schedule(options);
  resolve_probe(options);
  check_needs(rows, options.given);
  check_together(options);
}

}  // namespace dvar::cli
