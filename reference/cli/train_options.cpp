#include <CLI/CLI.hpp>

#include "cli/model_choice.hpp"
#include "cli/train_command.hpp"

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
  void add_optional(const std::string& name, Value& value, const std::string& meaning) const {
    command_.add_option(name, value, meaning)->group(heading_);
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
  group.add("--init", o.initial, "What the token begins as: best (by CLIP), or token:WORD");
  group.add("--vectors", o.vectors, "Vectors of the token");
  group.add("--batch", o.inversion.batch, "Pictures a step");
  group.add("--learning-rate", o.inversion.optimiser.learning_rate, "Of AdamW");
  group.add("--weight-decay", o.inversion.optimiser.weight_decay, "Of AdamW");
  group.add_flag("--centre-crop", o.centre_crop,
                 "Cut the centred square instead of the whole picture squeezed");
  group.add("--flip", o.flip, "Chance that a picture is mirrored");
  group.add("--seed", o.inversion.seed, "Seed of all training draws");
}

void add_stopping(const option_group& group, train_command& o) {
  group.add("--window", o.stopping.rule.window, "N of the variance-ratio rule, in probes");
  group.add("--threshold", o.stopping.rule.threshold, "Stop when the ratio is below this");
  group.add("--max-steps", o.stopping.step_limit, "Stop here at the latest");
  group.add("--probe-batch", o.probe.batch, "Inputs of the fixed probe");
  group.add("--probe-every", o.probe_every, "Steps between two probes");
  group.add("--probe-seed", o.probe.seed, "Seed of the probe's inputs");
}

void add_results(const option_group& group, train_command& o) {
  group.add_optional("--held-out", o.held_out,
                     "Folder with pictures of the thing to score against, not learned from");
  group.add_optional("--clip", o.clip,
                     "CLIP model directory for --init best and scores; the model's own if it has one");
  group.add_optional("--samples", o.samples,
                     "Pictures before and after (default 8, or 2 for models of 256 pixels up)");
  group.add("--prompt", o.prompt, "Prompt of the samples, {} for the token");
  group.add("--sample-steps", o.sampling.steps, "Sampler steps of a sample");
  group.add("--guidance", o.sampling.guidance, "Guidance of a sample");
  group.add("--sample-seed", o.sampling.seed, "Seed of the samples' noise");
}

void add_running(const option_group& group, train_command& o) {
  group.add("--checkpoint-every", o.checkpoint_every, "Steps between checkpoints");
  group.add_flag("--resume", o.resume, "Go on where the run in --output was stopped");
  group.add_flag("--overwrite", o.overwrite, "Replace the run in --output");
  group.add("--threads", o.threads, "Threads; 0: one per processor");
  group.add_flag("--quiet", o.quiet, "No progress");
  group.add_flag("--json", o.json, "Print the summary as JSON");
}

}  // namespace

void add_train_options(CLI::App& command, train_command& o) {
  add_task(command, o);
  add_training({command, "Training"}, o);
  add_stopping({command, "Stopping"}, o);
  add_results({command, "Results"}, o);
  add_compute_options(command, o.compute, /*trains=*/true);
  add_running({command, "Run"}, o);
  command.footer(
      "Examples:\n"
      "  dvar train --images my-drawings --token '<thing>' --output out\n"
      "  dvar train --model stable-diffusion-v1-5 --images my-cat --token '<my-cat>' --output out \\\n"
      "      --init token:cat --clip clip-vit-large-patch14");
}

}  // namespace dvar::cli
