#pragma once

#include "training/batch_workers.hpp"
#include "training/optimizer.hpp"

namespace dvar::training {

struct adamw_options {
  double learning_rate = 1e-3;
  double beta_first = 0.9;
  double beta_second = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 1e-2;
};

/// Updates tensors in place by AdamW (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2), with PyTorch's
/// order of operations. Memory: two tensors of state per parameter.
class adamw final : public optimizer {
 public:
  /// Takes parameters by name, which must be leaves that require gradients. Throws `std::invalid_argument`
  /// when an option is out of range (a negative rate, a beta outside [0, 1)).
  adamw(std::map<std::string, at::Tensor> parameters, const adamw_options& options);

  /// Makes one update from the parameters' gradients; a parameter without a gradient is left alone.
  void step() override { step(batch_workers{}); }
  /// Makes one update with the parameters shared out to workers, the same to the bit.
  void step(const batch_workers& workers);
  void clear_gradients();

  void set_learning_rate(double rate) override { options_.learning_rate = rate; }
  double learning_rate() const { return options_.learning_rate; }
  std::int64_t updates() const { return updates_; }
  const std::map<std::string, at::Tensor>& parameters() const { return parameters_; }

  /// Returns the moments and the number of updates, as `first/NAME`, `second/NAME` and `updates`.
  std::map<std::string, at::Tensor> state() const override;
  /// Takes a state back, bit for bit. Throws `std::invalid_argument` when a tensor is missing or misshapen,
  /// and names it.
  void load_state(const std::map<std::string, at::Tensor>& state) override;

 private:
  struct moments {
    at::Tensor first;
    at::Tensor second;
  };

  std::map<std::string, at::Tensor> parameters_;
  adamw_options options_;
  std::map<std::string, moments> moments_;
  std::int64_t updates_ = 0;
};

/// Scales all gradients so that their common Euclidean norm is at most `largest`; returns the norm before.
double clip_gradient_norm(const std::map<std::string, at::Tensor>& parameters, double largest,
                          const batch_workers& workers = batch_workers{});

}  // namespace dvar::training
