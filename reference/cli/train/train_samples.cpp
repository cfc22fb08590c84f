#include "cli/train/train_samples.hpp"

#include <fmt/format.h>

#include "cli/samples/sample_description.hpp"
#include "cli/samples/scored_pictures.hpp"
#include "reporting/progress.hpp"
#include "text/prompt_templates.hpp"

namespace dvar::cli {

std::int64_t sample_count(const train_options& options, const diffusion::latent_diffusion& model) {
  // A large model takes minutes for a picture on a CPU: fewer, unless asked.
  return options.samples.value_or(model.resolution() < 256 ? 8 : 2);
}

namespace {

/// Returns what the files of samples say: of each, and last of all of them.
std::vector<data::png_text> texts_of(const train_options& options, const sampled_concept& what,
                                     const sampling_options& sampling, const std::string& prompt,
                                     std::string_view state) {
  std::vector<data::png_text> texts;
  for (std::int64_t i = 0; i <= sampling.count; ++i) {
    described_settings settings = settings_of(
        what.model, sampling, i < sampling.count ? std::optional{i} : std::optional<std::int64_t>{});
    const described_settings others{{"Model", file_name_of(options.model)},
                                    {"VAE", file_name_of(options.vae)},
                                    {"Embeddings", fmt::format("{} {}", what.token, state)},
                                    {"Version", "dvar " DVAR_VERSION}};
    settings.insert(settings.end(), others.begin(), others.end());
    texts.push_back(parameters_of(prompt, sampling.negative_prompt, settings));
  }
  return texts;
}

}  // namespace

before_and_after draw_samples(const train_options& options, const sampled_concept& what) {
  sampling_options sampling = options.sampling;
  sampling.count = sample_count(options, what.model);
  reporting::progress progress{
      {.label = "samples",
       .total = 2 * sampling.count,
       .style = options.quiet ? reporting::progress_style::quiet : reporting::progress_style::automatic}};
  before_and_after samples;
  samples.before_prompt = text::fill(options.prompt, what.initial_word);
  samples.after_prompt = text::fill(options.prompt, what.token);
  const auto draw = [&](const diffusion::latent_diffusion& model, const at::Tensor& vectors,
                        std::int64_t done_before) {
    return sample_pictures(model, what.prompts, samples.after_prompt, vectors.to(what.model.placement.device),
                           sampling, what.workers,
                           [&](std::int64_t done) { progress.update(done_before + done); });
  };
  samples.before = draw(what.model, what.initial_vectors, 0);
  samples.after = draw(what.learned, what.vectors, sampling.count);
  samples.before_texts = texts_of(options, what, sampling, samples.after_prompt, "as it begins");
  samples.after_texts = texts_of(options, what, sampling, samples.after_prompt, "as it is learned");
  progress.finish();
  return samples;
}

std::optional<std::string> class_word_of(const train_options& options, const std::string& initial_words) {
  if (!options.class_word.empty()) return options.class_word;
  if (options.initial.text.starts_with("file:")) return std::nullopt;
  return as_phrase(initial_words);
}

std::function<training::sample_scores()> scoring_of_samples(
    const train_options& options, const diffusion::prompt_encoder& prompts,
    const training::batch_workers& workers, const training::concept_training& inversion,
    const sample_encoders& encoders, const std::optional<std::string>& class_word, const at::Tensor& pictures,
    const at::Tensor& held_out) {
  if (encoders.clip == nullptr || options.run.stopping.score_every == 0) return {};
  sampling_options sampling = options.sampling;
  sampling.count = options.scored_samples.count;
  sampling.steps = options.scored_samples.steps;
  std::optional<std::string> words;
  if (class_word) words = text::fill(options.prompt, *class_word);
  return [&prompts, &workers, &inversion, sampling, prompt = text::fill(options.prompt, options.token),
          scorer = evaluation::sample_scorer{encoders.clip, encoders.identity, pictures, words, held_out}] {
    const evaluation::sample_scores scores = scorer(sample_pictures(
        inversion.learned_model(), prompts, prompt, inversion.vectors().detach(), sampling, workers));
    training::sample_scores result{.clip = scores.clip.value(), .others = scores.by_name()};
    result.others.erase("clip_score");
    return result;
  };
}

sample_gains score_samples(const sample_encoders& encoders, const before_and_after& samples,
                           const at::Tensor& references, bool held_out) {
  const evaluation::sample_scorer scorer{encoders.clip, encoders.identity, references, std::nullopt};
  const evaluation::sample_scores before = scorer(samples.before);
  const evaluation::sample_scores after = scorer(samples.after);
  const auto gain = [&](const std::optional<double>& from,
                        const std::optional<double>& to) -> std::optional<similarity_gain> {
    if (!from || !to) return std::nullopt;
    return similarity_gain{
        .before = *from, .after = *to, .references = references.size(0), .held_out = held_out};
  };
  return {.clip = gain(before.clip, after.clip), .identity = gain(before.identity, after.identity)};
}

}  // namespace dvar::cli
