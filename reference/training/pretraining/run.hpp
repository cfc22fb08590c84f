#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "training/adamw.hpp"
#include "training/batch_workers.hpp"
#include "training/pretraining/parameter_copies.hpp"
#include "training/random.hpp"
#include "weights/config.hpp"

namespace dvar::training {

/// Describes a stretch of training in which the learning rate falls from its peak to zero along a cosine.
struct training_round {
  std::int64_t until = 0;  ///< the step at which it ends
  double peak_rate = 1e-3;
  std::int64_t batch = 32;
};

/// Says how one network of the bundled model is trained.
struct run_options {
  /// The rounds, one after the other; a finished run goes on when one is added.
  std::vector<training_round> rounds;
  /// The first updates of an optimizer, over which the rate grows to its round's.
  std::int64_t warm_up = 200;
  double weight_decay = 1e-2;
  double beta_second = 0.99;
  /// The decay of the exponential moving average of the parameters; 0: none.
  double average_decay = 0.0;
  std::uint64_t seed = 1;
  std::chrono::seconds checkpoint_every{300};

  std::int64_t steps() const { return rounds.empty() ? 0 : rounds.back().until; }

  /// Reads one part of a recipe. Throws `dvar::input_error` when it is wrong, and names file and key.
  static run_options from_config(const weights::config_reader& config);
};

/// Trains one network from scratch: parameters, optimizer and moving average, written together so that a killed
/// run goes on where its last checkpoint stood. Randomness needs no state: it is seeded anew by every step.
class pretraining_run {
 public:
  /// Takes a checkpoint up if `checkpoint` exists. Throws `dvar::input_error` when it does not fit the parameters.
  pretraining_run(std::map<std::string, at::Tensor> parameters, const run_options& options,
                  std::filesystem::path checkpoint);

  /// Goes to the beginning of the last round with the parameters as they are now, which earlier rounds are taken to have made.
  void skip_to_last_round();

  bool finished() const { return step_ >= options_.steps(); }
  std::int64_t step() const { return step_; }
  /// Returns the batch of the current step. Precondition: not `finished()`.
  std::int64_t batch() const { return round()->batch; }
  /// Returns the draws of the current step, a function of seed and step alone.
  step_random random() const { return random_of_step(options_.seed, step_); }

  /// Gives a network copies of the parameters in another type, to be computed with in their place: `update` brings their
  /// gradients to the parameters, and what became of these to the copies.
  models::parameter_source& working_copies(at::ScalarType type);

  /// Makes one step down the gradient of `loss` (a scalar); the gradient's norm is clipped to 1. Writes a
  /// checkpoint when one is due, and at the end. Precondition: not `finished()`.
  void update(const at::Tensor& loss);

  /// Makes one step down the gradient of a batch's mean loss likewise, and returns that loss. `loss_of` returns the mean loss of a
  /// share of the batch; the workers call it side by side, and wait for each other once.
  double update(const batch_workers& workers, const std::function<at::Tensor(const batch_share&)>& loss_of);
  void save_checkpoint();

  /// Returns the moving average if there is one, else the parameters.
  std::map<std::string, at::Tensor> result() const;

  /// Swaps parameters and moving average: twice around a measurement, it is as if nothing had been.
  void exchange_average();

  /// Puts the result into the parameters themselves, so that the network can be used: no update may follow.
  void adopt_result();

 private:
  std::vector<training_round>::const_iterator round() const;
  double rate() const;
  void step_down(const batch_workers& workers);
  void load_checkpoint();

  run_options options_;
  std::filesystem::path checkpoint_;
  adamw optimizer_;
  std::optional<parameter_copies> copies_;
  std::map<std::string, at::Tensor> average_;
  std::int64_t step_ = 0;
  std::chrono::steady_clock::time_point last_checkpoint_ = std::chrono::steady_clock::now();
};

}  // namespace dvar::training
