#include "cli/train/optimizer_choice.hpp"

#include <fmt/format.h>

namespace dvar::cli {

option_rows optimizer_rows(optimizer_choice& optimizer, training::learning_rate_options& schedule) {
  const auto scheduled = [&optimizer](const char* shape) {
    return requirement{fmt::format("--schedule {}", shape),
                       [&optimizer, shape] { return optimizer.schedule == shape; }};
  };
  const requirement sharpness_aware{"--optimizer sam or asam",
                                    [&optimizer] { return optimizer.is_sharpness_aware(); }};
  return {
      {.name = "optimizer",
       .aliases = {"optimiser"},
       .value = &optimizer.name,
       .help = "What takes the steps",
       .accepts = choices{{"adamw"},
                          {"sgd"},
                          {"sam", "sharpness-aware minimization"},
                          {"asam", "its adaptive form"},
                          {"prodigy", "AdamW that finds its step size"}}},
      {.name = "learning-rate",
       .aliases = {"lr"},
       .value = &optimizer.learning_rate,
       .help = "The learning rate at its highest; with prodigy what multiplies the step size, 1 unless given",
       .accepts = above(0)},
      {.name = "scale-lr",
       .value = &optimizer.scale_learning_rate,
       .help = "Multiply the rate by batch, accumulation and ranks"},
      {.name = "weight-decay",
       .value = &optimizer.weight_decay,
       .help = "Weight decay of AdamW and Prodigy (decoupled) or SGD (in the gradient)",
       .accepts = at_least(0)},
      {.name = "momentum",
       .value = &optimizer.momentum,
       .help = "Momentum of SGD",
       .accepts = from_to_below(0, 1),
       .needs = {"--optimizer sgd or --sam-base sgd", [&optimizer] { return optimizer.is_sgd(); }}},
      {.name = "sam-base",
       .value = &optimizer.base,
       .help = "What takes the step of sam and asam",
       .accepts = choices{{"adamw"}, {"sgd"}},
       .needs = sharpness_aware},
      {.name = "sam-radius",
       .value = &optimizer.radius,
       .help = "rho, how far the worst point is looked for",
       .otherwise = "sam 0.05, asam 0.5",
       .accepts = above(0),
       .needs = sharpness_aware},
      {.name = "schedule",
       .value = &optimizer.schedule,
       .help = "Schedule of the learning rate over --max-steps",
       .accepts = one_of(training::schedule_shapes)},
      {.name = "warmup-steps",
       .value = &schedule.warmup_steps,
       .help = "Steps over which the rate rises from 0",
       .accepts = at_least(0),
       .needs = {"--schedule constant_with_warmup or another that is not constant",
                 [&optimizer] { return optimizer.schedule != "constant"; }}},
      {.name = "restarts",
       .value = &schedule.restarts,
       .help = "Cycles of the cosine",
       .accepts = at_least(1),
       .needs = scheduled("cosine_with_restarts")},
      {.name = "power",
       .value = &schedule.power,
       .help = "Power of the polynomial",
       .accepts = at_least(0),
       .needs = scheduled("polynomial")},
      {.name = "last-learning-rate",
       .value = &schedule.last,
       .help = "Where the polynomial ends",
       .needs = scheduled("polynomial")},
  };
}

resolved_optimizer resolve(const optimizer_choice& choice, std::int64_t inputs) {
  const double rate = choice.learning_rate * (choice.scale_learning_rate ? static_cast<double>(inputs) : 1.0);
  resolved_optimizer resolved;
  if (choice.is_sgd()) {
    resolved.optimizer = training::sgd_options{
        .learning_rate = rate, .momentum = choice.momentum, .weight_decay = choice.weight_decay};
  } else if (choice.is_prodigy()) {
    resolved.optimizer =
        training::prodigy_options{.learning_rate = rate, .weight_decay = choice.weight_decay};
  } else {
    resolved.optimizer = training::adamw_options{.learning_rate = rate, .weight_decay = choice.weight_decay};
  }
  if (choice.is_sharpness_aware()) {
    const bool adaptive = choice.name == "asam";
    // The papers' choices for their smallest data set, CIFAR-10.
    resolved.sharpness = training::sharpness_options{.radius = choice.radius.value_or(adaptive ? 0.5 : 0.05),
                                                     .adaptive = adaptive};
  }
  return resolved;
}

}  // namespace dvar::cli
