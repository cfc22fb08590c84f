#include "training/sharpness.hpp"

#include <stdexcept>

namespace dvar::training {
namespace {

/// Holds a parameter at other values; puts the saved ones back, so that no rounding is left.
class displaced {
 public:
  displaced(const at::Tensor& parameter, const at::Tensor& by)
      : parameter_{parameter.detach()}, saved_{parameter_.clone()} {
    parameter_.add_(by);
  }
  displaced(const displaced&) = delete;
  displaced& operator=(const displaced&) = delete;
  ~displaced() { parameter_.copy_(saved_); }

 private:
  at::Tensor parameter_;
  at::Tensor saved_;
};

}  // namespace

at::Tensor ascent(const at::Tensor& parameter, const at::Tensor& gradient, const sharpness_options& options) {
  if (!(options.radius > 0.0) || !(options.floor >= 0.0))
    throw std::invalid_argument("sharpness: expected a radius above 0 and a floor of at least 0");
  const at::NoGradGuard no_gradient;
  // This keeps 0 / 0 away, and is too small for anything else.
  constexpr double tiny = 1e-12;
  if (!options.adaptive) return gradient * (options.radius / (gradient.norm() + tiny));
  const at::Tensor size = parameter.abs().add(options.floor);
  const at::Tensor scaled = size * gradient;
  return size * scaled * (options.radius / (scaled.norm() + tiny));
}

at::Tensor sharpness_aware_gradient(const at::Tensor& parameter, const at::Tensor& gradient,
                                    const std::function<at::Tensor()>& evaluate,
                                    const sharpness_options& options) {
  const displaced worst{parameter, ascent(parameter, gradient, options)};
  return evaluate();
}

}  // namespace dvar::training
