#include "cli/train/stopping_rows.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "cli/options/common_rows.hpp"

namespace dvar::cli {

requirement scored_samples(const train_options& o) {
  return {"--stop clip or --score-every", [&o] { return o.run.stopping.score_every != 0; }};
}

option_rows stopping_rows(train_options& o) {
  const requirement plain_dvar{
      "--stop dvar",
      [&o] { return std::ranges::find(o.text.stop, training::default_stop) != o.text.stop.end(); },
      "other rules have options of their own"};
  return {
      {.name = "stop",
       .value = &o.text.stop,
       .help =
           "Stop at any of these; may be repeated. dvar, dvar:v1, dvar:v2, steps:N, clip, clip:v1, clip:v2, clip:every=K,eps=E,patience=P, or another rule on the probe loss with its options, such as patience:patience=50,min_delta=1e-4, or with held_out: in front on the probe loss of the pictures that are held out",
       .offers = offered_rules()},
      {.name = "window",
       .value = &o.text.window,
       .help =
           "N of --stop dvar, in steps; 440 for DreamBooth-LoRA and 180 for Custom Diffusion unless given",
       .accepts = at_least(2),
       .needs = plain_dvar},
      {.name = "threshold",
       .value = &o.text.threshold,
       .help = "The ratio below which --stop dvar stops; 0.4 for DreamBooth-LoRA unless given",
       .accepts = above_up_to(0, 1),
       .needs = plain_dvar},
      {.name = "max-steps",
       .value = &o.run.stopping.step_limit,
       .help = "Stop here at the latest; 1000 for DreamBooth-LoRA and 500 for Custom Diffusion unless given",
       .accepts = at_least(1)},
      {.name = "score-every",
       .value = &o.text.score_every,
       .help = "Score samples by CLIP every so many steps, also without --stop clip",
       .otherwise = "never",
       .accepts = at_least(0),
       .needs = one_concept(o)},
      {.name = "score-samples",
       .value = &o.scored_samples.count,
       .help = "Samples of a score",
       .accepts = at_least(1),
       .needs = scored_samples(o)},
      {.name = "score-steps",
       .value = &o.scored_samples.steps,
       .help = "Denoising steps of such a sample",
       .accepts = at_least(1),
       .needs = scored_samples(o)},
  };
}

option_rows probe_rows(train_options& o) {
  training::probe_options& probe = o.run.probe;
  return {
      {.name = "probe-every",
       .value = &o.run.probe_every,
       .help =
           "Steps from one probe to the next; 0: no probe; 1 for another --method, for a --window below 30 or not below --max-steps, and beside a rule that counts probes, which is every one but dvar, steps:N and clip, unless given",
       .accepts = at_least(0)},
      {.name = "probe-batch",
       .value = &probe.batch,
       .help = "Inputs that are evaluated at once",
       .accepts = at_least(1)},
      {.name = "probe-accumulation",
       .value = &probe.accumulation,
       .help = "Batches that a probe is the mean of",
       .accepts = at_least(1)},
      {.name = "probe-fixed",
       .value = &o.text.probe_fixed,
       .help = fmt::format(
           "What is drawn once and held: some of {}, with commas between; all; none; or five digits, 1 for fixed, in this order. The rest is drawn anew for every probe",
           training::probe_source_names()),
       .recorded_as = [&probe] { return training::experiment_code(probe.fixed); },
       .offers = {"all", "none", "images", "latents", "noise", "captions", "timesteps"}},
      {.name = "probe-timesteps",
       .value = &o.text.probe_timesteps,
       .help = "Which timesteps are drawn",
       .accepts = one_of(training::timestep_choices,
                         {"one from each equal part", "distinct ones", "third", "third", "third"})},
      {.name = "probe-thirds",
       .value = &o.run.probe_thirds,
       .help = "Also log probes of each third of the timesteps",
       .needs = {"--probe-every of at least 1", [&o] { return o.run.probe_every > 0; }}},
      {.name = "held-out-every",
       .value = &o.run.held_out_every,
       .help = "Steps from one probe of the pictures that are held out to the next; 0: none",
       .accepts = at_least(0),
       .needs = {"--held-out or --hold-out", [&o] { return holds_out(o); }}},
      {.name = "probe-mean-latents",
       .value = &probe.mean_latents,
       .help = "Take the mean of each picture's latents, not a draw"},
      {.name = "probe-zero-noise", .value = &probe.zero_noise, .help = "Add no noise in the probe"},
      {.name = "probe-seed", .value = &probe.seed, .help = "Seed of the probe's inputs"},
  };
}

}  // namespace dvar::cli
