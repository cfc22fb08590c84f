#pragma once

#include <functional>

#include "torch.hpp"

namespace dvar::training {

struct sharpness_options {
  double radius = 0.05;   ///< rho, above 0
  bool adaptive = false;  ///< ASAM
  /// eta of ASAM: what every component's size is increased by, at least 0.
  double floor = 0.01;
};

/// Returns the step e to the worst point near `parameter`, of its shape.
///
/// SAM (Foret et al., arXiv 2010.01412, equation 2): e = rho g / |g|. ASAM (Kwon et al., arXiv 2102.11600,
/// equation 6), whose neighborhood scales with the components: e = rho T² g / |T g| with T = |w| + eta. Norms
/// are Euclidean, over all components together. A gradient of 0 gives 0.
at::Tensor ascent(const at::Tensor& parameter, const at::Tensor& gradient, const sharpness_options& options);

/// Returns the gradient that sharpness-aware minimization descends along: that at `parameter` + e, not that
/// at `parameter`.
///
/// `gradient` is the one at `parameter`. `evaluate` runs the forward and backward pass once more, on the same
/// batch, and returns its gradient; during the call `parameter` holds the perturbed values. It is what it was
/// before when this returns or throws, bit for bit.
at::Tensor sharpness_aware_gradient(const at::Tensor& parameter, const at::Tensor& gradient,
                                    const std::function<at::Tensor()>& evaluate,
                                    const sharpness_options& options);

}  // namespace dvar::training
