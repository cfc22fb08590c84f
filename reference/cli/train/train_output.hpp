#pragma once

#include "cli/samples/sampling.hpp"
#include "data/png_text.hpp"
#include "device/phases.hpp"
#include "reporting/report.hpp"
#include "training/inversion_run.hpp"
#include "weights/output_folder.hpp"

namespace dvar::cli {

/// Names the files of a run.
struct output_directory {
  std::filesystem::path root;

  std::filesystem::path configuration() const { return root / "config.json"; }
  std::filesystem::path trace() const { return root / "trace.jsonl"; }
  std::filesystem::path checkpoint() const { return root / "checkpoint" / "checkpoint.safetensors"; }
  std::filesystem::path embedding() const { return root / "learned_embeds.safetensors"; }
  std::filesystem::path best_embedding() const { return root / "learned_embeds_best.safetensors"; }
  /// Names the file of a LoRA in diffusers' layout; that in kohya's is `kohya_form_of` it.
  std::filesystem::path lora() const { return root / "pytorch_lora_weights.safetensors"; }
  std::filesystem::path best_lora() const { return root / "pytorch_lora_weights_best.safetensors"; }
  /// Names the file of Custom Diffusion's weights.
  std::filesystem::path keys_and_values() const {
    return root / "pytorch_custom_diffusion_weights.safetensors";
  }
  std::filesystem::path best_keys_and_values() const {
    return root / "pytorch_custom_diffusion_weights_best.safetensors";
  }
  /// Names the snapshot at a step of a file with what is learned: `snapshots/learned_embeds-steps-50.safetensors`.
  std::filesystem::path snapshot_of(const std::filesystem::path& file, std::int64_t step) const;
  std::filesystem::path snapshots() const { return root / "snapshots"; }  ///< is a folder
  std::filesystem::path events() const { return root / "tensorboard"; }   ///< is a folder
  std::filesystem::path samples() const { return root / "samples"; }
  std::filesystem::path sheet() const { return root / "sheet.png"; }
  std::filesystem::path curves() const { return root / "curves.svg"; }
  std::filesystem::path report() const { return root / "report.html"; }

  /// Returns whether there is a checkpoint to go on from, be it the one before the newest.
  bool has_checkpoint() const;

  /// Returns those of these files that are there, with both forms of the embeddings, every sample and all
  /// events.
  std::vector<std::filesystem::path> files() const;
};

/// Returns `STEM_kohya.safetensors` beside the file.
std::filesystem::path kohya_form_of(const std::filesystem::path& file);

enum class output_use { create, replace, resume };

/// Locks the directory if it is a run's, and touches nothing. Throws `dvar::input_error` when it cannot be used so: it is
/// somebody else's, another process writes into it, it holds another run, or nothing to resume.
weights::output_folder open_output(const output_directory& output, output_use use);

/// Makes the directory ready, and removes what a run that is replaced has left. Throws `dvar::input_error` when the directory
/// cannot be written.
void prepare_output(weights::output_folder& folder, const output_directory& output, output_use use);

/// Holds samples for one prompt from the same noise, before and after.
struct before_and_after {
  at::Tensor before;  ///< float32 [n, 3, S, S] in [-1, 1]
  at::Tensor after;
  std::string before_prompt;
  std::string after_prompt;
  /// Are what the files say: of each picture, and last of all of them.
  std::vector<data::png_text> before_texts{};
  std::vector<data::png_text> after_texts{};
};

/// Says how much nearer the samples came to pictures of the concept.
struct similarity_gain {
  double before = 0.0;
  double after = 0.0;
  std::int64_t references = 0;
  bool held_out = false;  ///< says that none was learned from
};

/// Holds the gains by CLIP image similarity, and by the features of a second encoder.
struct sample_gains {
  std::optional<similarity_gain> clip{};
  std::optional<similarity_gain> identity{};
};

struct run_summary {
  std::string token;
  std::string initial;  ///< is what the token began as, e.g. `apple`
  training::run_result result;
  std::string configuration;
  std::vector<data::unused_file> unused;  ///< are files in the folder of pictures
  at::Tensor training_pictures;           ///< float32 [n, 3, S, S]
  /// Lists the files with low-rank factors, the last ones first; empty for methods that have none.
  std::vector<std::filesystem::path> loras{};
  /// Lists the files with weights of keys and values, likewise.
  std::vector<std::filesystem::path> keys_and_values{};
  std::optional<before_and_after> samples;
  sample_gains gains;
  std::vector<device::phase_total> phases;
  bool is_profiled = false;  ///< says that all of them are to be shown, not the main ones alone
};

/// Writes `config.json`: the configuration, and the files that the run has left out.
void write_configuration(const output_directory& output, const std::string& configuration,
                         const std::vector<data::unused_file>& unused);

/// Says of the best embedding which it is: `that of step 12: probe loss 0.13, the lowest of all`.
std::string best_words(const training::best_of_run& best);

/// Adds to `config.json` how the run ended: the reason, the step and the best embedding.
void write_outcome(const output_directory& output, const run_summary& summary);

/// Writes samples, curves and report.
void write_summary(const output_directory& output, const run_summary& summary);

/// Returns the lines, or with `as_json` the object, that `dvar train` ends with.
std::string describe(const output_directory& output, const run_summary& summary, bool as_json);

}  // namespace dvar::cli
