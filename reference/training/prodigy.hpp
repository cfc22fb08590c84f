#pragma once

#include "training/optimizer.hpp"

namespace dvar::training {

struct prodigy_options {
  double learning_rate = 1.0;  ///< multiplies the step size that is found; a schedule goes through it
  double beta_first = 0.9;
  double beta_second = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 1e-2;
  double initial_distance = 1e-6;  ///< d_0, far below any distance that is to be gone
};

/// Updates tensors in place by Prodigy (Mishchenko and Defazio, arXiv 2306.06101, algorithm 4): Adam whose step size is an estimate
/// of the distance from the start to the solution, which only grows. As its authors advise for diffusion models, moments are
/// corrected for their bias, a warm-up of the rate does not count in the estimate, and weight decay is decoupled. All parameters of
/// one object share one estimate. Gradients of nothing but zeros, and a rate of 0, leave everything as it is.
///
/// Memory: four tensors of state per parameter. Nothing waits for a device.
class prodigy final : public optimizer {
 public:
  /// Takes parameters by name, at least one. Throws `std::invalid_argument` when there is none, or an option is out of range.
  prodigy(std::map<std::string, at::Tensor> parameters, const prodigy_options& options);

  void step() override;
  void set_learning_rate(double rate) override { options_.learning_rate = rate; }

  /// Returns d, the estimate of the distance: a float64 scalar.
  const at::Tensor& distance() const { return distance_; }

  /// Returns moments, sums and starts as `first/NAME`, `second/NAME`, `sum/NAME` and `start/NAME`, and the numbers that all share.
  std::map<std::string, at::Tensor> state() const override;
  void load_state(const std::map<std::string, at::Tensor>& state) override;

 private:
  struct memory {
    at::Tensor first;
    at::Tensor second;
    at::Tensor sum;    ///< of gradients, weighed: s in the paper
    at::Tensor start;  ///< where the parameter began
  };

  /// Shows `visit` the name and the tensor of everything that `state` has. What all parameters share is named by the first.
  static void for_each_part(auto& self, const auto& visit) {
    const std::string& first = self.memories_.begin()->first;
    visit("distance/" + first, self.distance_);
    visit("numerator/" + first, self.numerator_);
    visit("updates/" + first, self.updates_);
    for (auto& [name, own] : self.memories_) {
      visit("first/" + name, own.first);
      visit("second/" + name, own.second);
      visit("sum/" + name, own.sum);
      visit("start/" + name, own.start);
    }
  }

  std::map<std::string, at::Tensor> parameters_;
  prodigy_options options_;
  std::map<std::string, memory> memories_;
  // Scalars in float64, on the parameters' device.
  at::Tensor distance_;   // d
  at::Tensor numerator_;  // of the estimate, r in the paper
  at::Tensor updates_;    // how many there were
};

}  // namespace dvar::training
