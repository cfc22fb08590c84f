#include "cli/train_samples.hpp"

#include "reporting/progress.hpp"
#include "text/prompt_templates.hpp"

namespace dvar::cli {

std::int64_t sample_count(const train_command& command, const diffusion::latent_diffusion& model) {
  // A large model takes minutes for a picture on a CPU: fewer, unless asked.
  return command.samples.value_or(model.resolution() < 256 ? 8 : 2);
}

before_and_after draw_samples(const train_command& command, const sampled_concept& what) {
  sampling_options sampling = command.sampling;
  sampling.count = sample_count(command, what.model);
  reporting::progress progress{
      {.label = "samples",
       .total = 2 * sampling.count,
       .style = command.quiet ? reporting::progress_style::quiet : reporting::progress_style::automatic}};
  before_and_after samples;
  samples.before_prompt = text::fill(command.prompt, what.initial_word);
  samples.after_prompt = text::fill(command.prompt, command.token);
  const auto draw = [&](const at::Tensor& vectors, std::int64_t done_before) {
    return sample_pictures(what.model, what.prompts, samples.after_prompt,
                           vectors.to(what.model.where.device), sampling, what.workers,
                           [&](std::int64_t done) { progress.update(done_before + done); });
  };
  samples.before = draw(what.initial_vectors, 0);
  samples.after = draw(what.vectors, sampling.count);
  progress.finish();
  return samples;
}

std::function<double()> sample_scorer(const train_command& command, const diffusion::latent_diffusion& model,
                                      const diffusion::prompt_encoder& prompts,
                                      const training::batch_workers& workers,
                                      const training::textual_inversion& inversion,
                                      const evaluation::clip_scorer* scorer, const at::Tensor& pictures) {
  if (scorer == nullptr || command.run.stopping.score_every == 0) return {};
  sampling_options sampling = command.sampling;
  sampling.count = command.scored_samples.count;
  sampling.steps = command.scored_samples.steps;
  return [&model, &prompts, &workers, &inversion, scorer, sampling,
          prompt = text::fill(command.prompt, command.token), references = scorer->image_features(pictures)] {
    const at::Tensor samples =
        sample_pictures(model, prompts, prompt, inversion.vectors().detach(), sampling, workers);
    return evaluation::mean_similarity(scorer->image_features(samples), references);
  };
}

similarity_gain score_samples(const evaluation::clip_scorer& scorer, const before_and_after& samples,
                              const at::Tensor& references, bool held_out) {
  const at::Tensor features = scorer.image_features(references);
  return {.before = evaluation::mean_similarity(scorer.image_features(samples.before), features),
          .after = evaluation::mean_similarity(scorer.image_features(samples.after), features),
          .references = features.size(0),
          .held_out = held_out};
}

}  // namespace dvar::cli
