#pragma once

#include <memory>

#include "training/concept_inputs.hpp"
#include "training/methods/make_method.hpp"
#include "training/rank_group.hpp"
#include "training/recorded_losses.hpp"
#include "training/token_sphere.hpp"

namespace dvar::training {

struct step_outcome {
  double loss = 0.0;
  double gradient_norm = 0.0;
  /// The norm of the longest of the vectors that the update gave.
  double longest_vector = 0.0;
  /// The norms of what is learned beside the vectors, by the names of the `parameter_set`'s members, and of the longest vector by
  /// theirs where the options want it.
  std::vector<std::pair<std::string, double>> norms{};
  /// Whether the parameters were updated; if not, something was not finite, and they are as before.
  bool applied = false;
  /// Whether the update was left out though nothing is wrong: fp16 overflowed, and the loss scale has
  /// backed off.
  bool skipped = false;
  /// Whether the update was left out although loss and gradient were finite: the new parameters were not.
  bool overflowed = false;
};

/// Teaches a frozen latent diffusion model a concept from a few pictures by one of the methods: minimizes the loss of what the
/// method predicts, step by step. Where float32 is said of parameters, noise and losses, it is float64 with networks in float64.
class concept_training {
 public:
  /// Starts from `initial_vectors` [vectors, width], the same on every rank. `workers` evaluate the losses of
  /// this rank. What is passed by reference must outlive the object.
  concept_training(const diffusion::latent_diffusion& model, const data::concept_dataset& pictures,
                   const diffusion::prompt_encoder& prompts, const at::Tensor& initial_vectors,
                   const inversion_options& options, const batch_workers& workers,
                   const rank_group& group = single_rank());
  concept_training(const concept_training&) = delete;
  concept_training& operator=(const concept_training&) = delete;
  ~concept_training() = default;

  /// Draws the inputs of batch `part` of training step `step` (from 1): a function of the seed and these two.
  /// Every rank draws those of all, and takes its share: K ranks with batches of B see what one sees with
  /// batches of K B. Class pictures, if there are any, come behind the thing's.
  inversion_inputs draw(std::int64_t step, std::int64_t part = 0) const;

  /// Returns the diffusion loss of a batch, as `concept_inputs::loss` has it: a scalar, differentiable with respect to the
  /// parameters.
  at::Tensor loss(const inversion_inputs& inputs) const { return loss(inputs, inputs_); }

  /// Returns the loss, evaluated by the workers, and its gradient where gradients are on: a function of the
  /// inputs, the parameters and the shares that the batch is divided into, which are added up in order, in
  /// float64; with micro-batches, of them and not of the number of workers. With networks in fp16 the
  /// gradient is computed of the scaled loss, and the scale taken out of it.
  inversion_loss evaluate(const inversion_inputs& inputs) const { return evaluate(inputs, inputs_); }
  /// Returns the same for inputs of other pictures, those of `inputs()` or `held_out()`.
  inversion_loss evaluate(const inversion_inputs& inputs, const concept_inputs& of) const;

  /// Returns the mean loss of a step's batches over all ranks, and its gradient: that of the thing's pictures, and of as many of
  /// the class, times their weight. Communicates.
  inversion_loss evaluate_step(std::int64_t step) const;

  /// Makes one update down the loss of the step's batches. Sharpness-aware minimization evaluates them twice,
  /// the second time at the worst point nearby; loss and gradient norm are those of the first. Parameters and optimizer
  /// stay as they are where loss, gradient or new parameters are not finite, on whichever rank. Waits for the device once, when
  /// all of the step has been given to it and the inputs of the next are drawn. Communicates; outcome and new parameters are the
  /// same on all ranks.
  step_outcome take_step(std::int64_t step);

  /// Updates the parameters: the optimizer with this gradient [size], whatever it is, scaled down to the norm that the options allow
  /// and rounded to the parameters' type. The vectors keep the norm that they are to have.
  void apply(const at::Tensor& gradient);

  /// Takes the parameters into their moving average, where one is kept: to be called after every update that stays.
  void average();
  /// Returns the numbers that the run gives, [size]: the average where one is kept, with vectors of the norm that they are to have;
  /// else the parameters.
  at::Tensor given_values() const;

  const parameter_set& parameters() const { return method_->parameters(); }
  /// Returns the names of `step_outcome::norms`, in their order.
  std::vector<std::string> named_norms() const;
  /// Returns the token's vectors, float32 [vectors, width].
  const at::Tensor& vectors() const { return method_->vectors(); }
  /// Returns the token's vectors among the numbers of `parameters()` at another time, `values` [size].
  at::Tensor vectors_of(const at::Tensor& values) const;
  /// Returns what is added to layers of the model with the numbers of `parameters()` at another time, `values` [size].
  models::low_rank_products added_of(const at::Tensor& values) const { return method_->added_of(values); }
  /// Returns what is added to layers of the model, as it is; empty where the method adds nothing.
  models::low_rank_products added() const { return added_of(parameters().values()); }
  /// Returns the weights that stand for layers' own in the UNet with the numbers of `parameters()` at another time, `values` [size];
  /// empty where the method learns none.
  models::layer_weights weights_of(const at::Tensor& values) const { return method_->weights_of(values); }
  /// Returns the model with all that was learned beside the token's vectors, with the numbers of `parameters()` at another time,
  /// `values` [size].
  diffusion::latent_diffusion learned_model_of(const at::Tensor& values) const {
    return model().with(added_of(values)).with_keys_and_values(weights_of(values));
  }
  /// Returns it as it is.
  diffusion::latent_diffusion learned_model() const { return learned_model_of(parameters().values()); }

  /// Returns what the inputs of the pictures that are learned from are drawn from.
  const concept_inputs& inputs() const { return inputs_; }
  /// Returns the same for the pictures that are held out; null where there are none.
  const concept_inputs* held_out() const { return held_out_ ? &*held_out_ : nullptr; }
  const data::concept_dataset& pictures() const { return inputs_.pictures(); }
  const diffusion::latent_diffusion& model() const { return inputs_.model(); }
  const rank_group& group() const { return *group_; }

  /// Does what those of `concept_inputs` do for the pictures that are learned from.
  at::Tensor caption_ids(const std::vector<std::int64_t>& captions) const {
    return inputs_.caption_ids(captions);
  }
  at::Tensor normal(std::int64_t batch, at::Generator& generator) const {
    return inputs_.normal(batch, generator);
  }

  /// Returns the loss scale; empty unless the networks are in fp16.
  const std::optional<loss_scaler>& scaler() const { return scaler_; }

  /// Returns parameters, optimizer, loss scale and average, by name; what `load_state` takes back bit for bit.
  std::map<std::string, at::Tensor> state() const;
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  /// Holds the inputs of a step's batches.
  struct step_inputs {
    std::int64_t step = 0;
    std::vector<inversion_inputs> batches;
  };

  /// Returns what an update changes: the state but for the average.
  std::map<std::string, at::Tensor> updated_state() const;
  void load_updated_state(const std::map<std::string, at::Tensor>& state);

  std::vector<batch_share> shares(std::int64_t batch) const;
  /// Returns the sums of loss and gradient over the inputs. Means are made of sums alone, at the end: sums of a few fp32 numbers
  /// are exact in float64, so that it does not matter how the inputs of a step were divided.
  inversion_loss evaluate_sum(const inversion_inputs& inputs, const concept_inputs& of) const;
  inversion_loss sum_of_shares(const inversion_inputs& inputs, const concept_inputs& of, double scale) const;
  at::Tensor loss(const inversion_inputs& inputs, const concept_inputs& of) const;
  inversion_loss sum_over_ranks(const inversion_loss& mine) const;
  step_inputs draw_all(std::int64_t step) const;
  /// Keeps them, since sharpness-aware minimization asks twice.
  const std::vector<inversion_inputs>& inputs_of(std::int64_t step) const;
  void set_learning_rates(std::int64_t step);
  /// Returns the numbers of a step that are read from the device at once.
  at::Tensor numbers_of(const inversion_loss& evaluated, const at::Tensor& gradient) const;

  const batch_workers* workers_;
  const rank_group* group_;
  inversion_options options_;
  concept_inputs inputs_;
  std::optional<concept_inputs> held_out_;
  std::optional<token_sphere> sphere_;  // on which the vectors stay
  std::unique_ptr<method> method_;
  std::vector<std::unique_ptr<optimizer>> optimizers_;  // one for each member of the parameters
  std::optional<loss_scaler> scaler_;
  std::optional<parameter_average> average_;
  mutable step_inputs drawn_;
  mutable recorded_losses recorded_;
  mutable recorded_losses recorded_held_out_;
};

}  // namespace dvar::training
