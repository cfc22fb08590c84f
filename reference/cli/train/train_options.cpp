#include "cli/train/train_options.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "cli/init/word_scores.hpp"
#include "cli/options/common_rows.hpp"
#include "cli/train/method_rows.hpp"
#include "text/prompt_templates.hpp"

namespace dvar::cli {
namespace {

/// Returns the requirement that samples are scored.
requirement scored_samples(const train_options& o) {
  return {"--stop clip or --score-every", [&o] { return o.run.stopping.score_every != 0; }};
}

/// Returns whether a text can be a token, as far as that can be said without the model.
bool is_token(const std::string& text) {
  constexpr std::array<std::string_view, 5> owned{"__metadata__", "emb_params", "clip_l", "clip_g",
                                                  "string_to_param"};
  return !text.empty() && text.find_first_of(" \t\n\v\f\r") == std::string::npos &&
         std::ranges::find(owned, text) == owned.end();
}

option_rows task_rows(train_options& o) {
  return {
      model_row(o.model),
      config_row(o.config),
      vae_row(o.vae),
      prediction_type_row(o.prediction_type),
      {.name = "images",
       .value = &o.images,
       .help = "Folder with 3 to 6 pictures of the thing",
       .required = true,
       .decides = never,  // the pictures do: see configuration_of
       .given_by_sweep = true,
       .paths = offered_paths::folders},
      {.name = "token",
       .value = &o.token,
       .help = "The new token, e.g. '<cat>'",
       .accepts =
           text_form{"one word, and no name that files of embeddings have for something else", is_token},
       .required = true},
      {.name = "output",
       .value = &o.output,
       .help = "Folder for everything that the run leaves",
       .required = true,
       .decides = never,
       .given_by_sweep = true,
       .paths = offered_paths::folders},
  };
}

option_rows training_rows(train_options& o) {
  const requirement learned_token{"no --freeze-token", [&o] { return !o.inversion.freeze_token; }};
  return {
      {.name = "batch",
       .value = &o.inversion.batch,
       .help = "Pictures of a batch, on every rank",
       .accepts = at_least(1)},
      {.name = "accumulation",
       .value = &o.inversion.accumulation,
       .help = "Batches whose mean gradient makes one step",
       .accepts = at_least(1)},
      {.name = "min-snr",
       .value = &o.inversion.min_snr,
       .help =
           "Weigh the loss of timesteps with a higher signal-to-noise ratio than this down, to what it would be at this ratio",
       .otherwise = "none",
       .accepts = above(0)},
      {.name = "noise-offset",
       .value = &o.inversion.noise_offset,
       .help = "Add so many times a normal number for each channel to a step's noise",
       .accepts = at_least(0)},
      {.name = "vectors-norm",
       .value = &o.inversion.vectors_norm,
       .help = "Record the norm of the token's longest vector in the trace"},
      {.name = "max-gradient-norm",
       .aliases = {"max-grad-norm"},
       .value = &o.inversion.max_gradient_norm,
       .help = "Scale a step's gradient down to this norm where it is longer",
       .otherwise = "none; 1 for Custom Diffusion",
       .accepts = above(0)},
      {.name = "ema",
       .value = &o.text.ema,
       .help =
           "Keep a moving average of what is learned, of which each step leaves so much, and give it in place of the last",
       .otherwise = "none",
       .accepts = from_to_below(0, 1)},
      {.name = "ema-power",
       .value = &o.text.ema_power,
       .help =
           "Let --ema begin with 1 - (1 + n)^-POWER after n steps, such as 0.6667, in place of (1 + n) / (10 + n)",
       .otherwise = "none",
       .accepts = above(0),
       .needs = {"--ema", [&o] { return o.text.ema.has_value(); }}},
      {.name = "token-update",
       .value = &o.text.token_update,
       .help = "Where a step may take the token's vectors",
       .accepts =
           one_of(training::token_updates, {"anywhere", "anywhere, and then to the norm that they keep",
                                            "along the sphere of that norm, by a rate of 0.01 unless given"}),
       .needs = learned_token},
      {.name = "token-norm",
       .value = &o.inversion.token_updates.norm,
       .help = "The norm that the vectors keep",
       .otherwise = "the vocabulary's: norm-preserving its median, directional its mean",
       .accepts = above(0),
       .needs = {"--token-update norm-preserving or directional",
                 [&o] { return o.text.token_update != "free"; }}},
      {.name = "direction-prior",
       .value = &o.inversion.token_updates.prior,
       .help = "How much a directional update is drawn to where the vectors began",
       .accepts = at_least(0),
       .needs = {"--token-update directional", [&o] { return o.text.token_update == "directional"; }}},
      {.name = "micro-batch",
       .value = &o.inversion.micro_batch,
       .help = "Pictures evaluated at once, also of the probe",
       .otherwise = "the threads divide the batch",
       .accepts = at_least(1)},
      {.name = "captions",
       .value = &o.captions,
       .help = "Take prompts from NAME.txt beside each picture, {} or the token in them, not from templates",
       .decides = never},  // the captions do: see configuration_of
      {.name = "learnable-property",
       .value = &o.text.learnable_property,
       .help = "Whose templates are the prompts",
       .accepts = choices{{"object"}, {"style"}},
       .needs = {"templates to choose from", [&o] { return !o.captions; }, "--captions has no use for them"}},
      {.name = "masks",
       .value = &o.text.masks,
       .help =
           "Weigh the loss by masks: beside for NAME.mask.png beside each picture, or a folder with a NAME.png for each",
       .otherwise = "none",
       .needs = {"--no-rescale", [&o] { return !o.inversion.rescales(); },
                 "rescaled pictures have masks of their own"},
       .decides = never,  // the masks do: see configuration_of
       .offers = {"beside"},
       .paths = offered_paths::folders},
      {.name = "mask-background",
       .value = &o.mask_background,
       .help = "What the black of a mask weighs",
       .accepts = between(0, 1),
       .needs = {"--masks", [&o] { return !o.text.masks.empty(); }}},
      center_crop_row(o.center_crop),
      {.name = "random-crop",
       .value = &o.random_crop,
       .help =
           "Cut another square at random in every step, and the centered one for the probe and the scores",
       .needs = {"no --center-crop, and --no-rescale with Custom Diffusion",
                 [&o] { return !o.center_crop && !o.inversion.rescales(); }}},
      {.name = "buckets",
       .value = &o.buckets,
       .help =
           "Learn from each picture in the shape that is nearest to its own, of about the square's area, and from pictures of one shape in a step",
       .needs = {"no --center-crop, --random-crop or --class-prompt, and --no-rescale with Custom Diffusion",
                 [&o] {
                   return !o.center_crop && !o.random_crop && !o.class_pictures.is_wanted() &&
                          !o.inversion.rescales();
                 }}},
      {.name = "flip",
       .value = &o.flip,
       .help = "Chance that a picture is mirrored",
       .accepts = between(0, 1)},
      {.name = "seed", .value = &o.inversion.seed, .help = "Seed of all training draws"},
  };
}

option_rows initialization_rows(train_options& o) {
  return {
      {.name = "init",
       .value = &o.initial.text,
       .help =
           "What the token begins as: the vocabulary's best or worst word by CLIP, a random one, given words, or an embedding",
       .accepts = initial_texts(),
       .offers = {"best", "worst", "random", "token:", "file:"}},
      {.name = "init-mode",
       .value = &o.initial.mode,
       .help = "What a word of several tokens becomes",
       .accepts = choices{{"mean", "one vector"}, {"spread", "a vector each"}}},
      {.name = "vectors",
       .value = &o.initial.vectors,
       .help = "Vectors of the token",
       .otherwise = "as many as --init gives",
       .accepts = at_least(1),
       .decides = never},  // how many there are does: see configuration_of
      {.name = "init-templates",
       .value = &o.initial.templates,
       .help = "In how many prompts --init best compares a word",
       .accepts = template_counts(),
       .decides = never},  // the word that is found does
      {.name = "cache",
       .value = &o.initial.cache.directory,
       .help = "Folder that keeps the words' scores and the model's class pictures",
       .otherwise = "dvar in the user's cache directory",
       .decides = never,
       .paths = offered_paths::folders},
      {.name = "no-cache",
       .value = &o.initial.cache.off,
       .help = "Compute the words' scores and draw class pictures anew",
       .decides = never},
  };
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
       .accepts = at_least(0)},
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

option_rows result_rows(train_options& o) {
  // What samples depend on decides the run where their scores may stop it.
  const requirement scores = scored_samples(o);
  return {
      {.name = "held-out",
       .value = &o.held_out,
       .help = "Folder with pictures of the thing to score against, not learned from",
       .decides = never,
       .paths =
           offered_paths::folders},  // the pictures decide, where the probe sees them: see configuration_of
      {.name = "hold-out",
       .value = &o.hold_out,
       .help =
           "Hold so many of the pictures of --images out, the last by name: they are not learned from, and take the place of --held-out",
       .accepts = at_least(0),
       .needs = {"no --held-out", [&o] { return o.held_out.empty(); }}},
      {.name = "clip",
       .value = &o.clip,
       .help = "CLIP model directory for --init best and scores",
       .otherwise = "the model's own",
       .decides = scores.met,
       .paths = offered_paths::folders},
      {.name = "identity",
       .value = &o.identity,
       .help =
           "Directory of a second image encoder, a ViTModel such as DINO ViT-S/16, to score samples with beside CLIP",
       .otherwise = "none",
       .needs = {"--stop clip, --score-every or samples",
                 [&o, scores] { return scores.met() || o.samples != 0; }},
       .decides = scores.met,
       .paths = offered_paths::folders},
      {.name = "class-word",
       .value = &o.class_word,
       .help = "Goes for {} where --score-every compares samples with the prompt",
       .otherwise = "what the token begins as",
       .needs = scores},
      {.name = "samples",
       .value = &o.samples,
       .help = "Pictures before and after",
       .otherwise = "8, or 2 for models of 256 pixels up",
       .accepts = at_least(0),
       .decides = never},
      {.name = "prompt",
       .value = &o.prompt,
       .help = "Prompt of the samples",
       .otherwise = "the first template",
       .accepts = text_form{"{} or the token in it",
                            [&o](const std::string& prompt) {
                              return text::has_hole(text::with_holes(prompt, o.token));
                            }},
       .decides = scores.met},
      {.name = "sample-steps",
       .value = &o.sampling.steps,
       .help = "Sampler steps of a sample",
       .accepts = at_least(1),
       .decides = never},
      {.name = "guidance",
       .value = &o.sampling.guidance,
       .help = "Guidance of a sample",
       .decides = scores.met},
      {.name = "sample-seed",
       .value = &o.sampling.seed,
       .help = "Seed of the samples' noise",
       .decides = scores.met},
      {.name = "author",
       .value = &o.author,
       .help = "Author, for the metadata of the embedding's file",
       .decides = never},
      {.name = "license",
       .value = &o.license,
       .help = "License, for the metadata of the embedding's file, such as CC-BY-4.0",
       .decides = never},
      {.name = "no-tensorboard",
       .value = &o.no_tensorboard,
       .help = "Write no events for TensorBoard",
       .decides = never},
  };
}

option_rows run_rows(train_options& o) {
  return {
      {.name = "checkpoint-every",
       .value = &o.checkpoint_every,
       .help = "Steps between checkpoints",
       .accepts = at_least(1),
       .decides = never},
      {.name = "snapshot-every",
       .value = &o.snapshot_every,
       .help =
           "Steps between files of what is learned so far, in OUTPUT/snapshots; to use or compare, while --resume goes on from a checkpoint",
       .otherwise = "none",
       .accepts = at_least(1),
       .decides = never},
      {.name = "resume",
       .value = &o.resume,
       .help = "Go on where the run in --output was stopped",
       .decides = never,
       .given_by_sweep = true},
      {.name = "overwrite",
       .value = &o.overwrite,
       .help = "Replace the run in --output",
       .needs = {"no --resume", [&o] { return !o.resume; }},
       .decides = never,
       .given_by_sweep = true},
      {.name = "dry-run",
       .value = &o.dry_run,
       .help =
           "Check everything that can be known before the weights are read, say what memory the run would take, and end",
       .decides = never,
       .given_by_sweep = true},
      {.name = "strict",
       .value = &o.strict,
       .help = "Compare every byte of models larger than 64 MB when a run is resumed, not samples of them"},
      threads_row(o.threads),
      {.name = "profile",
       .value = &o.profile,
       .help = "Say what time and memory each part of the run took, in the summary and the report",
       .decides = never},
      {.name = "chrome-trace",
       .value = &o.chrome_trace,
       .help = "File for the times of every single part, which chrome://tracing and Perfetto show",
       .otherwise = "none",
       .decides = never},
      quiet_row(o.quiet),
      json_row(o.json, "Print the summary as JSON"),
  };
}

}  // namespace

training::inversion_options learning_options(const train_options& options, const at::Tensor& class_pictures) {
  training::inversion_options learning = options.inversion;
  if (options.class_pictures.is_wanted()) {
    learning.prior = training::prior_options{.pictures = class_pictures,
                                             .prompt = options.class_pictures.prompt,
                                             .weight = options.class_pictures.weight};
  }
  return learning;
}

option_rows rows_of(train_options& options) {
  option_rows rows = task_rows(options);
  append(rows, "Method", method_rows(options));
  append(rows, "Training", training_rows(options));
  append(rows, "Initialization", initialization_rows(options));
  append(rows, "Optimizer", optimizer_rows(options.text.optimizer, options.inversion.schedule));
  append(rows, "Stopping", stopping_rows(options));
  append(rows, "Probe", probe_rows(options));
  append(rows, "Results", result_rows(options));
  append(rows, "Computing", compute_rows(options.compute, /*trains=*/true));
  append(rows, "Run", run_rows(options));
  return rows;
}

}  // namespace dvar::cli
