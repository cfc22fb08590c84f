#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "torch.hpp"

namespace dvar::training {

struct loss_scaler_options {
  double initial = 65536.0;
  double growth = 2.0;
  double backoff = 0.5;
  std::int64_t growth_interval = 2000;  ///< finite steps in a row before the scale grows
  /// The least scale: a gradient that is not finite at it is not the scale's fault.
  double least = 1.0;
};

/// Finds the factor by which a loss is multiplied so that its gradient, computed in fp16, neither vanishes
/// nor overflows (Micikevicius et al., arXiv 1710.03740, section 3.2), as `torch.amp.GradScaler` does: it
/// grows after many finite steps and backs off at once from one that is not.
class loss_scaler {
 public:
  /// Starts at the initial scale. Throws `std::invalid_argument` unless growth is above 1, backoff in (0, 1),
  /// and the rest above 0.
  explicit loss_scaler(const loss_scaler_options& options = {});

  double scale() const { return scale_; }

  /// Takes note of a step's gradient. Returns false if there is nothing to back off to any more: the step was
  /// not finite at the least scale.
  bool update(bool finite);

  /// Returns `scale` and `finite_steps`; `load_state` takes them back exactly, and throws
  /// `std::invalid_argument` when one is missing.
  std::map<std::string, at::Tensor> state() const;
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  loss_scaler_options options_;
  double scale_;
  std::int64_t finite_steps_ = 0;  ///< in a row since the scale changed
};

}  // namespace dvar::training
