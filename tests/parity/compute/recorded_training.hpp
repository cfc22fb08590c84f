#pragma once

#include <functional>

#include "request.hpp"
#include "training/concept_training.hpp"

namespace dvar::parity {

/// Returns whether two concepts are learned together: `<thing>` and `<other>`, which has its pictures in a folder of its own.
inline bool has_two_concepts(const request& r) {
  return fs::exists(r.model() / "other_pictures");
}

/// Returns the lines of `captions.txt` with a token in them, or without any.
inline std::vector<std::string> captions_with(const request& r, const std::string& token) {
  std::vector<std::string> all = lines_of(r.model() / "captions.txt");
  std::erase_if(all, [&](const std::string& line) { return line.find(token) == std::string::npos; });
  return all;
}
inline std::vector<std::string> class_prompts(const request& r) {
  std::vector<std::string> all = lines_of(r.model() / "captions.txt");
  std::erase_if(all, [](const std::string& line) { return line.find('<') != std::string::npos; });
  return all;
}

/// Returns the pictures of the only concept, or of both with their captions.
inline data::concept_dataset pictures_of(const request& r, std::int64_t size) {
  data::concept_dataset things{{.images_dir = r.model() / "pictures", .size = size}};
  if (!has_two_concepts(r)) return things;
  data::concept_dataset others{{.images_dir = r.model() / "other_pictures", .size = size}};
  return data::concept_dataset::joined(
      {{things, "<thing>", captions_with(r, "<thing>")}, {others, "<other>", captions_with(r, "<other>")}});
}

/// Returns an encoder that knows the token, or both, which have a vector each.
inline diffusion::prompt_encoder encoder_of(const request& r, const diffusion::latent_diffusion& model) {
  if (!has_two_concepts(r)) return {model, "<thing>", r.tensor("initial").size(0)};
  diffusion::prompt_encoder prompts{model, "<thing>", 1};
  prompts.add("<other>", 1);
  return prompts;
}

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
    options.prior =
        training::prior_options{.classes = {{.pictures = r.tensor("class_images"), .prompt = "a dog"}},
                                .weight = r.number("prior_weight")};
  if (options.prior && has_two_concepts(r)) {
    const std::vector<std::string> prompts = class_prompts(r);
    options.prior->classes.front().prompt = prompts.at(0);
    options.prior->classes.push_back({.pictures = r.tensor("other_class_images"), .prompt = prompts.at(1)});
  }
  return options;
}

/// Runs the trainer's own loss, gradient and update of a method, with the draws of every step given instead of drawn. Those of class
/// pictures begin with `class_`.
class recorded_training {
 public:
  recorded_training(const request& r, const training::inversion_options& options)
      : request_{&r},
        model_{diffusion::latent_diffusion::open(r.model(), r.placement())},
        prompts_{encoder_of(r, model_)},
        pictures_{pictures_of(r, model_.resolution())},
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
