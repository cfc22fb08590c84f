#include "cli/train/train_options.hpp"

#include <algorithm>
#include <array>

#include "cli/options/common_rows.hpp"
#include "cli/train/method_rows.hpp"
#include "cli/train/stopping_rows.hpp"
#include "cli/train/training_rows.hpp"
#include "text/prompt_templates.hpp"

namespace dvar::cli {
namespace {

option_rows task_rows(train_options& o) {
  return {
      model_row(o.model),
      config_row(o.config),
      vae_row(o.vae),
      prediction_type_row(o.prediction_type),
      {.name = "images",
       .value = &o.images,
       .help = "Folder with 3 to 6 pictures of the thing",
       .needs = one_concept(o),
       .required = true,
       .unless = "concepts-list",
       .decides = never,  // the pictures do: see configuration_of
       .given_by_sweep = true,
       .paths = offered_paths::folders},
      {.name = "token",
       .value = &o.token,
       .help = "The new token, e.g. '<cat>'",
       .accepts = text_form{expected_token, is_token},
       .needs = one_concept(o),
       .required = true,
       .unless = "concepts-list"},
      {.name = "concepts-list",
       .value = &o.concepts_list,
       .help =
           "File with several concepts that are learned together, in place of --images, --token, --init, --class-prompt and --class-pictures",
       .otherwise = "none",
       .needs = {"--method custom-diffusion", [&o] { return o.text.method == "custom-diffusion"; },
                 "the other methods learn one"},
       .decides = never,  // what is in it does: see configuration_of
       .paths = offered_paths::files},
      {.name = "output",
       .value = &o.output,
       .help = "Folder for everything that the run leaves",
       .required = true,
       .decides = never,
       .given_by_sweep = true,
       .paths = offered_paths::folders},
  };
}

option_rows result_rows(train_options& o) {
  // What samples depend on decides the run where their scores may stop it.
  const requirement scores = scored_samples(o);
  return {
      {.name = "held-out",
       .value = &o.held_out,
       .help = "Folder with pictures of the thing to score against, not learned from",
       .needs = one_concept(o),
       .decides = never,
       .paths =
           offered_paths::folders},  // the pictures decide, where the probe sees them: see configuration_of
      {.name = "hold-out",
       .value = &o.hold_out,
       .help =
           "Hold so many of the pictures of --images out, the last by name: they are not learned from, and take the place of --held-out",
       .accepts = at_least(0),
       .needs = {"no --held-out or --concepts-list",
                 [&o] { return o.held_out.empty() && o.concepts_list.empty(); }}},
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

bool is_token(const std::string& text) {
  constexpr std::array<std::string_view, 5> owned{"__metadata__", "emb_params", "clip_l", "clip_g",
                                                  "string_to_param"};
  return !text.empty() && text.find_first_of(" \t\n\v\f\r") == std::string::npos &&
         std::ranges::find(owned, text) == owned.end();
}

std::string tokens_of(const train_options& options) {
  std::string tokens;
  for (const concept_choice& each : options.concepts)
    tokens.append(tokens.empty() ? "" : ", ").append(each.token);
  return tokens;
}

std::vector<std::string> prompts_of(const train_options& options, const concept_choice& learned) {
  if (!learned.prompt.empty()) return {learned.prompt};
  const auto templates = text::templates_of(options.inversion.kind);
  return {templates.begin(), templates.end()};
}

requirement one_concept(const train_options& options) {
  return {"no --concepts-list", [&options] { return options.concepts_list.empty(); }};
}

training::inversion_options learning_options(const train_options& options,
                                             const std::vector<at::Tensor>& class_pictures) {
  training::inversion_options learning = options.inversion;
  if (!keeps_classes(options)) return learning;
  learning.prior = training::prior_options{.classes = {}, .weight = options.class_pictures.weight};
  for (std::size_t i = 0; i < options.concepts.size(); ++i)
    learning.prior->classes.push_back(
        {.pictures = class_pictures.at(i), .prompt = options.concepts[i].class_pictures.prompt});
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
