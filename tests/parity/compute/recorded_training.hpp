#pragma once

#include <functional>

#include "request.hpp"
#include "training/concept_training.hpp"

namespace dvar::parity {

/// Returns the options of a method that are the same for all: batch, optimizer, whether the token stays, and with `prior_weight` the
/// class pictures [n, 3, S, S] that are learned from beside the thing's.
inline training::inversion_options options_of(const request& r, training::method_kind method) {
  training::inversion_options options{
      .method = method,
      .batch = r.tensor("pictures").size(1),
      .optimizer = training::adamw_options{.learning_rate = r.number("learning_rate"),
                                           .weight_decay = r.number("weight_decay")},
      .freeze_token = r.number("freeze_token") != 0.0};
  if (r.has("prior_weight"))
    options.prior = training::prior_options{
        .pictures = r.tensor("class_images"), .prompt = "a dog", .weight = r.number("prior_weight")};
  return options;
}

/// Runs the trainer's own loss, gradient and update of a method, with the draws of every step given instead of drawn. Those of class
/// pictures begin with `class_`.
class recorded_training {
 public:
  recorded_training(const request& r, const training::inversion_options& options)
      : request_{&r},
        model_{diffusion::latent_diffusion::open(r.model(), r.placement())},
        prompts_{model_, "<thing>", r.tensor("initial").size(0)},
        pictures_{{.images_dir = r.model() / "pictures", .size = model_.resolution()}},
        training_{model_, pictures_, prompts_, r.tensor("initial"), options, workers_},
        ids_{prompts_.ids(lines_of(r.model() / "captions.txt"))} {}

  const diffusion::latent_diffusion& model() const { return model_; }
  const training::batch_workers& workers() const { return workers_; }
  const training::concept_training& training() const { return training_; }

  /// Returns the inputs of a step whose draws begin with `prefix`.
  training::inversion_inputs inputs(const std::string& prefix, std::int64_t step) const {
    training::inversion_inputs drawn{.pictures = request_->tensor(prefix + "pictures")[step],
                                     .ids = ids_.index_select(0, request_->tensor(prefix + "captions")[step]),
                                     .latent_noise = request_->tensor(prefix + "latent_noise")[step],
                                     .noise = request_->tensor(prefix + "noise")[step],
                                     .timesteps = request_->tensor(prefix + "timesteps")[step]};
    if (request_->has(prefix + "dropout_keys"))
      drawn.dropout_keys = request_->tensor(prefix + "dropout_keys")[step];
    return drawn;
  }

  /// Takes all steps; returns vectors, losses and the gradients' norms by step, and what the peer takes from here.
  tensors run(const std::function<training::inversion_inputs(std::int64_t step)>& inputs_of) {
    std::vector<at::Tensor> vectors, losses, norms, embeddings;
    for (std::int64_t step = 0; step < request_->tensor("pictures").size(0); ++step) {
      const training::inversion_inputs all = inputs_of(step);
      const training::inversion_loss evaluated = training_.evaluate(all);
      training_.apply(evaluated.gradient);
      vectors.push_back(training_.vectors().detach().clone());
      losses.push_back(evaluated.value);
      norms.push_back(evaluated.gradient.norm());
      embeddings.push_back(sinusoids(model_.unet, all.timesteps));
    }
    return {{"ids", ids_},
            {"alphas", model_.schedule.alphas_cumulative().to(at::kFloat)},
            {"vectors", at::stack(vectors)},
            {"losses", at::stack(losses)},
            {"norms", at::stack(norms)},
            {"sinusoids", at::stack(embeddings)}};
  }

 private:
  const request* request_;
  diffusion::latent_diffusion model_;
  diffusion::prompt_encoder prompts_;
  data::concept_dataset pictures_;
  training::batch_workers workers_;
  training::concept_training training_;
  at::Tensor ids_;
};

}  // namespace dvar::parity
