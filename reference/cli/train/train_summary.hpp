#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/train/train_output.hpp"
#include "data/picture_folder.hpp"
#include "data/png_text.hpp"
#include "device/phases.hpp"
#include "training/inversion_run.hpp"

namespace dvar::cli {

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

/// Holds what a run says of one of its concepts.
struct concept_summary {
  std::string token;
  std::string initial;               ///< is what the token began as, e.g. `apple`
  std::int64_t vectors = 1;          ///< of the token
  at::Tensor pictures;               ///< float32 [n, 3, S, S], learned from
  std::filesystem::path embedding;   ///< is the file of the last vectors
  std::filesystem::path best;        ///< is that of the best
  std::filesystem::path samples_in;  ///< is the folder of the samples
  std::optional<before_and_after> samples{};
  sample_gains gains{};
};

struct run_summary {
  std::vector<concept_summary> concepts;  ///< one at least
  training::run_result result;
  std::string configuration;
  std::vector<data::unused_file> unused;  ///< are files in the folders of pictures
  /// Lists the files with low-rank factors, the last ones first; empty for methods that have none.
  std::vector<std::filesystem::path> loras{};
  /// Lists the files with weights of keys and values, likewise.
  std::vector<std::filesystem::path> keys_and_values{};
  std::vector<device::phase_total> phases;
  bool is_profiled = false;  ///< says that all of them are to be shown, not the main ones alone

  bool is_of_several() const { return concepts.size() > 1; }
  /// Returns all tokens, for people: `<cat>, <dog>`.
  std::string tokens() const;
  /// Returns what they began as, likewise.
  std::string initials() const;
  /// Returns how many pictures were learned from.
  std::int64_t pictures() const;
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
