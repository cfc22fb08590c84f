#pragma once

#include <compare>
#include <functional>
#include <map>

#include "device/graph.hpp"
#include "training/inversion_inputs.hpp"

namespace dvar::training {

/// Evaluates losses by graphs: a run evaluates two or three kinds of batches, thousands of times each.
class recorded_losses {
 public:
  /// Returns what `evaluate` returns for the inputs, which is a function of them and of what it refers to. The first
  /// evaluation of a kind is recorded; gradients are of the loss times `scale`.
  inversion_loss evaluate(const inversion_inputs& inputs, double scale,
                          const std::function<inversion_loss(const inversion_inputs&)>& evaluate);

 private:
  /// Says what is recorded: another batch, or another scale, is another computation.
  struct kind {
    std::int64_t batch;
    std::int64_t height;  // of the latents
    std::int64_t width;
    bool has_latents;  // and weights of pixels with them
    bool has_weights;
    bool has_dropout;
    bool has_gradient;
    double scale;
    auto operator<=>(const kind&) const = default;
  };

  void forget_other_scales(double scale);

  device::graph_pool pool_;
  std::map<kind, device::graph> graphs_;
};

}  // namespace dvar::training
