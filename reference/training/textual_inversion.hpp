#pragma once

#include <optional>
#include <random>

#include "data/concept_dataset.hpp"
#include "diffusion/prompt_encoder.hpp"
#include "text/prompt_templates.hpp"
#include "training/batch_workers.hpp"
#include "training/concept_latents.hpp"
#include "training/inversion_inputs.hpp"
#include "training/learning_rate.hpp"
#include "training/loss_scaler.hpp"
#include "training/make_optimizer.hpp"
#include "training/random.hpp"
#include "training/rank_group.hpp"
#include "training/recorded_losses.hpp"
#include "training/sharpness.hpp"

namespace dvar::training {

struct inversion_options {
  std::int64_t batch = 4;         ///< inputs of a batch, on every rank
  std::int64_t accumulation = 1;  ///< batches whose mean gradient makes one update
  /// The number of inputs that are evaluated at once, at least 1. Without it, every worker evaluates an equal
  /// share of the batch.
  std::optional<std::int64_t> micro_batch{};
  optimizer_options optimizer = adamw_options{.learning_rate = 5e-3};
  learning_rate_options schedule{};
  /// The kind whose templates are drawn where pictures have no captions.
  text::concept_kind kind = text::concept_kind::object;
  std::optional<sharpness_options> sharpness{};  ///< SAM or ASAM around the optimizer
  std::uint64_t seed = 0;
  loss_scaler_options loss_scaling = {};  ///< for networks in fp16

  /// Returns how many shares a rank's batch can be divided into.
  std::int64_t most_shares() const { return micro_batch ? (batch - 1) / *micro_batch + 1 : batch; }
};

struct step_outcome {
  double loss = 0.0;
  double gradient_norm = 0.0;
  /// The norm of the longest of the vectors that the update gave.
  double longest_vector = 0.0;
  /// Whether the vectors were updated; if not, something was not finite, and they are as before.
  bool applied = false;
  /// Whether the update was left out though nothing is wrong: fp16 overflowed, and the loss scale has
  /// backed off.
  bool skipped = false;
  /// Whether the update was left out although loss and gradient were finite: the new vectors were not.
  bool overflowed = false;
};

/// Learns the embedding of a new token by Textual Inversion (Gal et al., arXiv 2208.01618): minimizes the
/// loss of a frozen latent diffusion model on a few pictures. The concept's vectors are the only parameters:
/// nothing else can drift, and there is nothing to copy back. Where float32 is said of vectors, noise and
/// losses, it is float64 with networks in float64.
class textual_inversion {
 public:
  /// Starts from `initial_vectors` [vectors, width], the same on every rank. `workers` evaluate the losses of
  /// this rank. What is passed by reference must outlive the object.
  textual_inversion(const diffusion::latent_diffusion& model, const data::concept_dataset& pictures,
                    const diffusion::prompt_encoder& prompts, const at::Tensor& initial_vectors,
                    const inversion_options& options, const batch_workers& workers,
                    const rank_group& group = single_rank());
  textual_inversion(const textual_inversion&) = delete;
  textual_inversion& operator=(const textual_inversion&) = delete;
  ~textual_inversion() = default;

  /// Draws the inputs of batch `part` of training step `step` (from 1): a function of the seed and these two.
  /// Every rank draws those of all, and takes its share: K ranks with batches of B see what one sees with
  /// batches of K B.
  inversion_inputs draw(std::int64_t step, std::int64_t part = 0) const;

  /// Returns the diffusion loss (mean squared error of the prediction, fp32) of a batch: a scalar,
  /// differentiable with respect to the vectors. With masks, every picture's error is the mean weighted by
  /// its mask, averaged over each pixel of the latents: sum(mask (target - prediction)^2) / sum(mask). So a
  /// picture counts as much as another whose mask is larger, and a batch may be divided as one likes.
  at::Tensor loss(const inversion_inputs& inputs) const;

  /// Returns the loss, evaluated by the workers, and its gradient where gradients are on: a function of the
  /// inputs, the vectors and the shares that the batch is divided into, which are added up in order, in
  /// float64; with micro-batches, of them and not of the number of workers. With networks in fp16 the
  /// gradient is computed of the scaled loss, and the scale taken out of it.
  inversion_loss evaluate(const inversion_inputs& inputs) const;

  /// Returns the mean loss of a step's batches over all ranks, and its gradient. Communicates.
  inversion_loss evaluate_step(std::int64_t step) const;

  /// Makes one update down the loss of the step's batches. Sharpness-aware minimization evaluates them twice,
  /// the second time at the worst point nearby; loss and gradient norm are those of the first. Vectors and optimizer
  /// stay as they are where loss, gradient or new vectors are not finite, on whichever rank. Waits for the device once, when
  /// all of the step has been given to it and the inputs of the next are drawn. Communicates; outcome and new vectors are the
  /// same on all ranks.
  step_outcome take_step(std::int64_t step);

  /// Updates the vectors: the optimizer with this gradient, whatever it is, rounded to the type of the vectors.
  void apply(const at::Tensor& gradient);

  /// Returns the vectors, float32 [vectors, width].
  const at::Tensor& vectors() const { return vectors_; }
  const data::concept_dataset& pictures() const { return *pictures_; }
  const diffusion::latent_diffusion& model() const { return *model_; }
  const rank_group& group() const { return *group_; }

  /// Returns ids of captions, "a photo of a <cat>" and so on, as `concept_dataset::captions_of` numbers them:
  /// int64 [captions, length].
  at::Tensor caption_ids(const std::vector<std::int64_t>& captions) const;
  at::Tensor normal(std::int64_t batch, at::Generator& generator) const;

  /// Returns the loss scale; empty unless the networks are in fp16.
  const std::optional<loss_scaler>& scaler() const { return scaler_; }

  /// Returns vectors, optimizer and loss scale, by name; what `load_state` takes back bit for bit.
  std::map<std::string, at::Tensor> state() const;
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  /// Holds the inputs of a step's batches.
  struct step_inputs {
    std::int64_t step = 0;
    std::vector<inversion_inputs> batches;
  };

  std::vector<batch_share> shares(std::int64_t batch) const;
  /// Returns the sums of loss and gradient over the inputs. Means are made of sums alone, at the end: sums of a few fp32 numbers
  /// are exact in float64, so that it does not matter how the inputs of a step were divided.
  inversion_loss evaluate_sum(const inversion_inputs& inputs) const;
  inversion_loss sum_of_shares(const inversion_inputs& inputs, double scale) const;
  inversion_loss sum_over_ranks(const inversion_loss& mine) const;
  step_inputs draw_all(std::int64_t step) const;
  /// Keeps them, since sharpness-aware minimization asks twice.
  const std::vector<inversion_inputs>& inputs_of(std::int64_t step) const;

  const diffusion::latent_diffusion* model_;
  const data::concept_dataset* pictures_;
  const diffusion::prompt_encoder* prompts_;
  const batch_workers* workers_;
  const rank_group* group_;
  inversion_options options_;
  concept_latents latents_;
  /// The ids [captions, length] of the pictures' own captions or of the templates.
  at::Tensor caption_ids_;
  /// The weights [2 n, 1, h, w] of pixels as the latents, each with the mean 1; undefined without masks.
  at::Tensor pixel_weights_;
  at::Tensor vectors_;
  std::unique_ptr<optimizer> optimizer_;
  std::optional<loss_scaler> scaler_;
  mutable step_inputs drawn_;
  mutable recorded_losses recorded_;
};

}  // namespace dvar::training
