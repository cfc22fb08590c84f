#include "cli/train/learned_files.hpp"

#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "cli/train/embedding_metadata.hpp"
#include "cli/train/lora_metadata.hpp"
#include "diffusion/custom_diffusion_file.hpp"
#include "diffusion/learned_concept.hpp"
#include "diffusion/lora_file.hpp"

namespace dvar::cli {
namespace {

/// Says which of a run's parameters are written, and where.
struct written_parameters {
  at::Tensor values;  ///< as `parameter_set::values` has them
  std::int64_t step = 0;
  std::string chosen;                             ///< says why these
  std::vector<std::filesystem::path> embeddings;  ///< one for each concept
  std::filesystem::path lora;
  std::filesystem::path keys_and_values;
};

std::vector<std::filesystem::path> write_loras(const train_options& options,
                                               const training::concept_training& inversion,
                                               const written_parameters& what, const run_summary& summary) {
  const auto metadata = lora_metadata(options, inversion.model(), summary, what.step, what.chosen);
  std::vector<std::filesystem::path> files;
  const auto write_as = [&](const std::filesystem::path& file, diffusion::lora_layout layout) {
    diffusion::write_lora(file, layout, inversion.added_of(what.values), inversion.model().layers_to_add_to(),
                          metadata);
    files.push_back(file);
  };
  if (options.text.lora_format != "kohya") write_as(what.lora, diffusion::lora_layout::diffusers);
  if (options.text.lora_format != "diffusers")
    write_as(kohya_form_of(what.lora), diffusion::lora_layout::kohya);
  return files;
}

void write_keys_and_values(const train_options& options, const training::concept_training& inversion,
                           const written_parameters& what, const run_summary& summary) {
  auto metadata =
      metadata_of(options, inversion.model(), summary, all_tokens_of(summary), what.step, what.chosen);
  std::string& architecture = metadata["modelspec.architecture"];
  architecture = architecture.substr(0, architecture.rfind('/')) + "/custom-diffusion";
  metadata["ss_unet_lr"] = fmt::format("{}", options.inversion.custom_diffusion.learning_rate);
  diffusion::write_custom_diffusion(what.keys_and_values, inversion.weights_of(what.values),
                                    inversion.model().unet, metadata);
}

void write_embeddings(const train_options& options, const training::concept_training& inversion,
                      const written_parameters& what, const run_summary& summary) {
  const at::Tensor vectors = inversion.vectors_of(what.values);
  std::int64_t first = 0;
  for (std::size_t i = 0; i < summary.concepts.size(); ++i) {
    const concept_summary& each = summary.concepts[i];
    diffusion::write_learned_concept(
        what.embeddings[i],
        {each.token, vectors.narrow(/*dim=*/0, first, each.vectors), inversion.model().text_encoder.widths()},
        metadata_of(options, inversion.model(), summary, {each.token, each.initial, each.pictures.size(0)},
                    what.step, what.chosen));
    first += each.vectors;
  }
}

/// Returns a file of each concept.
template <class Name>
std::vector<std::filesystem::path> named(const run_summary& summary, Name name) {
  std::vector<std::filesystem::path> files;
  for (const concept_summary& each : summary.concepts)
    files.push_back(name(each));
  return files;
}

/// Holds the files that were written beside those of the embeddings.
struct files_beside {
  std::vector<std::filesystem::path> loras{};
  std::vector<std::filesystem::path> keys_and_values{};
};

files_beside write(const train_options& options, const training::concept_training& inversion,
                   const written_parameters& what, const run_summary& summary) {
  files_beside files;
  write_embeddings(options, inversion, what, summary);
  if (learns_lora(options)) files.loras = write_loras(options, inversion, what, summary);
  if (learns_keys_and_values(options)) {
    write_keys_and_values(options, inversion, what, summary);
    files.keys_and_values = {what.keys_and_values};
  }
  return files;
}

}  // namespace

void write_learned(const train_options& options, const output_directory& output,
                   const training::concept_training& inversion, run_summary& summary) {
  std::vector<written_parameters> all{
      {.values = inversion.given_values(),
       .step = summary.result.step,
       .chosen = options.text.ema ? "the moving average" : "the last",
       .embeddings = named(summary, [](const concept_summary& each) { return each.embedding; }),
       .lora = output.lora(),
       .keys_and_values = output.keys_and_values()}};
  if (const auto& best = summary.result.best) {
    all.push_back({.values = best->parameters,
                   .step = best->step,
                   .chosen = best_words(*best),
                   .embeddings = named(summary, [](const concept_summary& each) { return each.best; }),
                   .lora = output.best_lora(),
                   .keys_and_values = output.best_keys_and_values()});
  }
  for (const written_parameters& each : all) {
    const auto [loras, keys_and_values] = write(options, inversion, each, summary);
    summary.loras.insert(summary.loras.end(), loras.begin(), loras.end());
    summary.keys_and_values.insert(summary.keys_and_values.end(), keys_and_values.begin(),
                                   keys_and_values.end());
  }
}

void write_snapshot(const train_options& options, const output_directory& output,
                    const training::concept_training& inversion, const run_summary& summary,
                    std::int64_t step) {
  // Where it cannot be made, the file in it cannot be written, and says so.
  std::error_code ignored;
  std::filesystem::create_directories(output.snapshots(), ignored);
  write(options, inversion,
        {.values = inversion.given_values(),
         .step = step,
         .chosen = "a snapshot",
         .embeddings = named(
             summary, [&](const concept_summary& each) { return output.snapshot_of(each.embedding, step); }),
         .lora = output.snapshot_of(output.lora(), step),
         .keys_and_values = output.snapshot_of(output.keys_and_values(), step)},
        summary);
}

}  // namespace dvar::cli
