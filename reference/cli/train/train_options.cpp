#include <CLI/CLI.hpp>

#include "cli/model_choice.hpp"
#include "cli/train/train_command.hpp"

namespace dvar::cli {
namespace {

/// Options of one heading in `--help`.
class option_group {
 public:
  option_group(CLI::App& command, std::string heading) : command_{command}, heading_{std::move(heading)} {}

  template <class Value>
  void add(const std::string& name, Value& value, const std::string& meaning) const {
    command_.add_option(name, value, meaning)->group(heading_)->capture_default_str();
  }
  /// Without a default of its own: what it is when not given stands in `meaning`.
  template <class Value>
  CLI::Option* add_optional(const std::string& name, Value& value, const std::string& meaning) const {
    return command_.add_option(name, value, meaning)->group(heading_);
  }
  void add_flag(const std::string& name, bool& value, const std::string& meaning) const {
    command_.add_flag(name, value, meaning)->group(heading_);
  }

 private:
  CLI::App& command_;
  std::string heading_;
};

void add_task(CLI::App& command, train_command& o) {
  command.add_option("--model", o.model, model_help)->capture_default_str();
  command.add_option("--config", o.config, config_help);
  command.add_option("--images", o.images, "Folder with 3 to 6 pictures of the thing (JPEG, PNG, WebP)")
      ->required();
  command.add_option("--token", o.token, "The new token, e.g. '<cat>'")->required();
  command.add_option("--output", o.output, "Folder for everything that the run leaves")->required();
}

void add_training(const option_group& group, train_command& o) {
  group.add("--batch", o.inversion.batch, "Pictures of a batch, on every rank");
  group.add("--accumulation", o.inversion.accumulation, "Batches whose mean gradient makes one step");
  group.add_optional("--micro-batch", o.inversion.micro_batch,
                     "Pictures evaluated at once, also of the probe (default: the threads divide the batch)");
  group.add_flag(
      "--captions", o.captions,
      "Take prompts from NAME.txt beside each picture, {} or the token in them, not from templates");
  group.add_optional("--learnable-property", o.text.learnable_property,
                     "Whose templates are the prompts: object or style (default object)");
  group.add_optional(
      "--masks", o.text.masks,
      "Weigh the loss by masks: beside for NAME.mask.png beside each picture, or a folder with a "
      "NAME.png for each");
  group.add_optional("--mask-background", o.text.mask_background,
                     "What the black of a mask weighs, 0 to 1 (default 0)");
  group.add_flag("--centre-crop,--center-crop", o.centre_crop,
                 "Cut the centred square instead of the whole picture squeezed");
  group.add("--flip", o.flip, "Chance that a picture is mirrored");
  group.add("--seed", o.inversion.seed, "Seed of all training draws");
}

void add_initialisation(const option_group& group, train_command& o) {
  group.add(
      "--init", o.initial.text,
      "What the token begins as: best or worst (of the vocabulary, by CLIP), random, token:WORD[+WORD...] or "
      "file:PATH (an embedding)");
  group.add("--init-mode", o.initial.mode,
            "What a word of several tokens becomes: mean (one vector) or spread (a vector each)");
  group.add_optional("--vectors", o.initial.vectors,
                     "Vectors of the token (default: as many as --init gives)");
  group.add("--init-templates", o.initial.templates, "In how many prompts --init best compares a word");
  group.add_optional("--cache", o.initial.cache.directory,
                     "Folder that keeps the words' scores (default: dvar in the user's cache directory)");
  group.add_flag("--no-cache", o.initial.cache.off, "Compute the words' scores anew");
}

void add_optimiser(const option_group& group, train_command& o) {
  training::optimiser_options& optimiser = o.inversion.optimiser;
  group.add("--optimiser", o.text.optimiser,
            "adamw, sgd, or sharpness-aware minimisation: sam, or asam (adaptive)");
  group.add("--learning-rate", optimiser.learning_rate, "At its highest");
  group.add_flag("--scale-lr", o.text.scale_learning_rate,
                 "Multiply the rate by batch, accumulation and ranks");
  group.add("--weight-decay", optimiser.weight_decay, "Of AdamW (decoupled) or SGD (in the gradient)");
  group.add_optional("--momentum", o.text.momentum, "Of SGD (default 0.9)");
  group.add_optional("--sam-base", o.text.sam_base,
                     "What takes the step of sam and asam: adamw or sgd (default adamw)");
  group.add_optional("--sam-radius", o.text.sam_radius,
                     "rho, how far the worst point is looked for (default: sam 0.05, asam 0.5)");
  group.add("--schedule", o.text.schedule,
            "Of the rate: " + training::schedule_shape_names() + ", over --max-steps");
  group.add_optional("--warmup-steps", o.text.warmup_steps,
                     "Steps over which the rate rises from 0; not for constant (default 0)");
  group.add_optional("--restarts", o.text.restarts, "Cycles of cosine_with_restarts (default 1)");
  group.add_optional("--power", o.text.power, "Of polynomial (default 1)");
  group.add_optional("--last-learning-rate", o.text.last_learning_rate,
                     "Where polynomial ends (default 1e-7)");
}

void add_stopping(const option_group& group, train_command& o) {
  group
      .add_optional(
          "--stop", o.text.stop,
          "Stop at any of these; may be repeated (default: dvar). dvar, dvar:v1, dvar:v2, steps:N, clip, "
          "clip:v1, clip:v2, clip:every=K,eps=E,patience=P, or another rule on the probe loss with its "
          "options, such as patience:patience=50,min_delta=1e-4")
      ->allow_extra_args(false);
  group.add_optional("--window", o.text.window, "N of --stop dvar, in probes (default 310)");
  group.add_optional("--threshold", o.text.threshold, "--stop dvar: below which ratio (default 0.15)");
  group.add("--max-steps", o.run.stopping.step_limit, "Stop here at the latest");
  group.add_optional("--score-every", o.text.score_every,
                     "Score samples by CLIP every so many steps, also without --stop clip (default: never)");
  group.add_optional("--score-samples", o.text.score_samples, "Samples of a score (default 8)");
  group.add_optional("--score-steps", o.text.score_steps, "Denoising steps of such a sample (default 50)");
}

void add_probe(const option_group& group, train_command& o) {
  training::probe_options& probe = o.run.probe;
  group.add("--probe-every", o.run.probe_every, "Steps from one probe to the next; 0: no probe");
  group.add("--probe-batch", probe.batch, "Inputs that are evaluated at once");
  group.add("--probe-accumulation", probe.accumulation, "Batches that a probe is the mean of");
  group.add("--probe-fixed", o.text.probe_fixed,
            "What is drawn once and held: some of " + training::probe_source_names() +
                ", with commas between; all; none; or five digits, 1 for fixed, in this order. The rest is "
                "drawn anew for every probe");
  group.add(
      "--probe-timesteps", o.text.probe_timesteps,
      training::timestep_choice_names() + ": one from each equal part, distinct ones, or those of a third");
  group.add_flag("--probe-thirds", o.run.probe_thirds, "Also log probes of each third of the timesteps");
  group.add_flag("--probe-mean-latents", probe.mean_latents,
                 "The mean of each picture's latents, not a draw");
  group.add_flag("--probe-zero-noise", probe.zero_noise, "Add no noise in the probe");
  group.add("--probe-seed", probe.seed, "Seed of the probe's inputs");
}

void add_results(const option_group& group, train_command& o) {
  group.add_optional("--held-out", o.held_out,
                     "Folder with pictures of the thing to score against, not learned from");
  group.add_optional("--clip", o.clip,
                     "CLIP model directory for --init best and scores; the model's own if it has one");
  group.add_optional(
      "--identity", o.identity,
      "Directory of a second image encoder, a ViTModel such as DINO ViT-S/16, to score samples "
      "with beside CLIP");
  group.add_optional("--class-word", o.class_word,
                     "Goes for {} where --score-every compares samples with the prompt (default: what the "
                     "token begins as)");
  group.add_optional("--samples", o.samples,
                     "Pictures before and after (default 8, or 2 for models of 256 pixels up)");
  group.add_optional("--prompt", o.text.prompt,
                     "Prompt of the samples, {} for the token (default: the first template)");
  group.add("--sample-steps", o.sampling.steps, "Sampler steps of a sample");
  group.add("--guidance", o.sampling.guidance, "Guidance of a sample");
  group.add("--sample-seed", o.sampling.seed, "Seed of the samples' noise");
  group.add_flag("--no-tensorboard", o.no_tensorboard, "Write no events for TensorBoard");
}

void add_running(const option_group& group, train_command& o) {
  group.add("--checkpoint-every", o.checkpoint_every, "Steps between checkpoints");
  group.add_flag("--resume", o.resume, "Go on where the run in --output was stopped");
  group.add_flag("--overwrite", o.overwrite, "Replace the run in --output");
  group.add("--threads", o.threads, "Threads; 0: one per processor, or this rank's share of them");
  group.add_flag("--quiet", o.quiet, "No progress");
  group.add_flag("--json", o.json, "Print the summary as JSON");
}

}  // namespace

void add_train_options(CLI::App& command, train_command& o) {
  add_task(command, o);
  add_training({command, "Training"}, o);
  add_initialisation({command, "Initialisation"}, o);
  add_optimiser({command, "Optimiser"}, o);
  add_stopping({command, "Stopping"}, o);
  add_probe({command, "Probe"}, o);
  add_results({command, "Results"}, o);
  add_compute_options(command, o.compute, /*trains=*/true);
  add_running({command, "Run"}, o);
  command.footer(
      "Examples:\n"
      "  dvar train --images my-drawings --token '<thing>' --output out\n"
      "  dvar train --model stable-diffusion-v1-5 --images my-cat --token '<my-cat>' --output out \\\n"
      "      --init token:cat --clip clip-vit-large-patch14\n"
      "  dvar train --images my-drawings --token '<thing>' --output few --stop steps:445\n"
      "  dvar train --images my-drawings --token '<thing>' --output clip --stop clip:v1 --stop dvar:v1\n"
      "  mpirun -n 2 dvar train --images my-drawings --token '<thing>' --output two --batch 2");
}

}  // namespace dvar::cli
