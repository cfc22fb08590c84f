#pragma once

#include "cli/sampling.hpp"
#include "evaluation/clip_scorer.hpp"
#include "reporting/report.hpp"
#include "training/inversion_run.hpp"

namespace dvar::cli {

/// The files of a run.
struct output_directory {
  std::filesystem::path root;

  std::filesystem::path configuration() const { return root / "config.json"; }
  std::filesystem::path trace() const { return root / "trace.jsonl"; }
  std::filesystem::path checkpoint() const { return root / "checkpoint" / "checkpoint.safetensors"; }
  std::filesystem::path embedding() const { return root / "learned_embeds.safetensors"; }
  std::filesystem::path samples() const { return root / "samples"; }
  std::filesystem::path sheet() const { return root / "sheet.png"; }
  std::filesystem::path curves() const { return root / "curves.svg"; }
  std::filesystem::path report() const { return root / "report.html"; }
};

enum class output_use { create, replace, resume };

/// Makes the directory ready, or says why it cannot be used: it holds another run, nothing to resume, or cannot be
/// written. \throws dvar::input_error
void prepare_output(const output_directory& output, output_use use);

/// Samples for one prompt from the same noise, before and after.
struct before_and_after {
  at::Tensor before;  ///< float32 [n, 3, S, S] in [-1, 1]
  at::Tensor after;
  std::string before_prompt;
  std::string after_prompt;
};

/// How much nearer the samples came to pictures of the concept.
struct similarity_gain {
  double before = 0.0;
  double after = 0.0;
  std::int64_t references = 0;
  bool held_out = false;  ///< the references were not learned from
};

struct run_summary {
  std::string token;
  std::string initial;  ///< what the token began as, e.g. `apple`
  training::run_result result;
  training::stopping_options stopping;
  std::string configuration;
  at::Tensor training_pictures;  ///< float32 [n, 3, S, S]
  std::optional<before_and_after> samples;
  std::optional<similarity_gain> gain;
  std::vector<reporting::phase> phases;
};

/// Writes samples, curves and report.
void write_summary(const output_directory& output, const run_summary& summary);

/// The lines, or with `as_json` the object, that `dvar train` ends with.
std::string describe(const output_directory& output, const run_summary& summary, bool as_json);

}  // namespace dvar::cli
