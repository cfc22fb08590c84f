#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "data/concept_dataset.hpp"
#include "diffusion/prompt_encoder.hpp"
#include "training/concept_latents.hpp"
#include "training/inversion_inputs.hpp"
#include "training/inversion_options.hpp"
#include "training/random.hpp"

namespace dvar::training {

/// Draws the inputs of the diffusion loss for the pictures of a concept, or of several, and says what a prediction for them is worth. It is the same
/// for all methods. Where float32 is said, it is float64 with networks in that.
class concept_inputs {
 public:
  /// Encodes all pictures, those of the prior with them. What is passed by reference must outlive the object.
  concept_inputs(const diffusion::latent_diffusion& model, const data::concept_dataset& pictures,
                 const diffusion::prompt_encoder& prompts, const inversion_options& options);
  concept_inputs(const concept_inputs&) = delete;  // recorded computations refer to its tensors
  concept_inputs& operator=(const concept_inputs&) = delete;
  ~concept_inputs() = default;

  /// Draws `count` inputs; the same numbers give the same inputs.
  inversion_inputs draw(std::int64_t count, step_random& random) const;
  /// Draws `count` inputs of class pictures, any of all classes as likely as any other, each with the prompt of its class.
  inversion_inputs draw_of_class(std::int64_t count, step_random& random) const;

  /// Draws the keys of dropout for `count` inputs, int64 [count].
  at::Tensor draw_dropout_keys(std::int64_t count, step_random& random) const;

  /// Returns drawn inputs of the thing's pictures as the method learns from them, the same for most. Custom Diffusion's rescaled
  /// pictures and squares that are cut at random are encoded, each by one of the workers, and the latents beside a rescaled picture
  /// weigh nothing. Its errors count as many times
  /// as a latent has channels: the original sums them up over the channels, and prior and limit of the gradient are beside that.
  inversion_inputs of_method(inversion_inputs inputs, const batch_workers& workers) const;

  /// Returns the weights [batch] of inputs at timesteps [batch] in the thing's loss, where the options want any by these; else
  /// undefined.
  at::Tensor weights_at(const at::Tensor& timesteps) const;

  /// Returns inputs with latents that are drawn of what is kept, and with weights of pixels that are all 1: beside rescaled or
  /// cut ones.
  inversion_inputs with_latents(inversion_inputs inputs) const;

  /// Returns what a network predicts for noisy latents [batch, channels, h, w] at timesteps [batch] and prompts, as many.
  using prediction = std::function<at::Tensor(const at::Tensor& noisy, const at::Tensor& timesteps,
                                              const diffusion::prompt_inputs& prompts)>;

  /// Returns the mean squared error of the prediction over a batch, float32, a scalar. With masks, every picture's error is the
  /// mean weighted by its mask, averaged over each pixel of the latents: sum(mask (target - prediction)^2) / sum(mask). So a
  /// picture counts as much as another whose mask is larger, and a batch may be divided as one likes.
  at::Tensor loss(const inversion_inputs& inputs, const prediction& predict) const;

  /// Returns ids of captions, "a photo of a <cat>" and so on, as `concept_dataset::captions_of` numbers them:
  /// int64 [captions, length].
  at::Tensor caption_ids(const std::vector<std::int64_t>& captions) const;
  /// Draws numbers for `batch` latents of a picture's shape, [batch, channels, h, w].
  at::Tensor normal(std::int64_t batch, at::Generator& generator, std::int64_t picture = 0) const;

  /// Draws numbers for latents of any pictures: of their shape where all have the same, else [batch, numbers of the largest].
  at::Tensor normal_of_any(std::int64_t batch, at::Generator& generator) const;
  /// Returns inputs whose noise is `normal_of_any`, divided by the shapes of their latents, and in these; `pictures` are theirs.
  std::vector<inversion_inputs> of_one_shape(const inversion_inputs& inputs,
                                             std::span<const std::int64_t> pictures) const;

  const data::concept_dataset& pictures() const { return *pictures_; }
  const diffusion::latent_diffusion& model() const { return *model_; }

 private:
  /// Holds what is kept of the pictures of one shape.
  struct kept_bucket {
    concept_latents latents;
    /// The weights [latents, 1, h, w] of pixels, each picture's with the mean 1; undefined without masks.
    at::Tensor pixel_weights;
  };
  static std::vector<kept_bucket> kept_of(const diffusion::latent_diffusion& model,
                                          const data::concept_dataset& pictures,
                                          const inversion_options& options);
  /// Returns what is kept of pictures whose noise has this shape.
  const kept_bucket& kept_for(const inversion_inputs& inputs) const;
  /// Returns where pictures stand among the latents that are kept of their bucket.
  at::Tensor rows(const at::Tensor& pictures) const;

  /// Returns inputs of these pictures and captions, with all else drawn.
  inversion_inputs with_noise(const std::vector<std::int64_t>& pictures,
                              const std::vector<std::int64_t>& captions, step_random& random) const;

  /// Encodes the squares that are cut at random, with their masks and sizes.
  void cut(inversion_inputs& inputs, const batch_workers& workers) const;

  /// Returns a picture as `inversion_inputs::pictures` counts them, one that is mirrored too, uint8 [3, S, S].
  at::Tensor levels_of(std::int64_t picture) const;

  const diffusion::latent_diffusion* model_;
  const data::concept_dataset* pictures_;
  bool rescales_;
  std::int64_t captions_;  ///< is how many there are before any with words of size
  /// The ids [captions, length] of the pictures' own captions or of the templates; where pictures are rescaled, of all of them with
  /// the first of `size_words`, with the second and so on; and behind them those of the classes.
  at::Tensor caption_ids_;
  std::vector<std::int64_t> class_captions_;  ///< the number of each class picture's caption
  std::vector<kept_bucket>
      kept_;         ///< as many as the pictures have shapes; class pictures are in the only one
  at::Tensor rows_;  ///< see `rows`; undefined where there is one bucket
  /// The sizes [latents, 6] of what they were made of, see `models::conditioning`; undefined for models that do not take them.
  at::Tensor sizes_;
  double weight_;  ///< what an error of the thing's pictures is multiplied by
  std::optional<double> min_snr_;
  double noise_offset_;
};

}  // namespace dvar::training
