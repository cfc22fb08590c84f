#pragma once

#include <filesystem>
#include <string>
#include <vector>

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
  /// Names the embedding of one of several tokens as diffusers does: `<cat>.safetensors`. The best one is `best_form_of` it.
  std::filesystem::path embedding_of(const std::string& token) const {
    return root / (token + ".safetensors");
  }
  /// Returns how the embeddings of the run that is there are called, of each token the last and the best.
  std::vector<std::filesystem::path> embeddings() const;
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
  /// Names the folder of the samples of one of several tokens.
  std::filesystem::path samples_of(const std::string& token) const { return samples() / token; }
  /// Names the folder of the run of the token alone that comes before this one in pivotal tuning.
  std::filesystem::path pivot() const { return root / "token"; }
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

/// Returns `STEM_best.safetensors` beside the file.
std::filesystem::path best_form_of(const std::filesystem::path& file);

/// Returns whether a token can be the name of a file of a run.
bool can_name_a_file(const std::string& token);

enum class output_use { create, replace, resume };

/// Locks the directory if it is a run's, and touches nothing. Throws `dvar::input_error` when it cannot be used so: it is
/// somebody else's, another process writes into it, it holds another run, or nothing to resume.
weights::output_folder open_output(const output_directory& output, output_use use);

/// Makes the directory ready, and removes what a run that is replaced has left. Throws `dvar::input_error` when the directory
/// cannot be written.
void prepare_output(weights::output_folder& folder, const output_directory& output, output_use use);

}  // namespace dvar::cli
