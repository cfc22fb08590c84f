// Optimizers.
#include "request.hpp"
#include "training/adamw.hpp"

namespace dvar::parity {
namespace {

/// Gives `start` after each step, for the given `gradients` [steps, …].
tensors adamw(const request& r) {
  const at::Tensor gradients = r.tensor("gradients");
  at::Tensor parameter = r.tensor("start").set_requires_grad(true);
  training::adamw optimizer{{{"parameter", parameter}},
                            {.learning_rate = r.number("learning_rate"),
                             .beta_first = r.number("beta_first"),
                             .beta_second = r.number("beta_second"),
                             .epsilon = r.number("epsilon"),
                             .weight_decay = r.number("weight_decay")}};
  std::vector<at::Tensor> values;
  for (const at::Tensor& gradient : gradients.unbind()) {
    parameter.mutable_grad() = gradient;
    optimizer.step();
    values.push_back(parameter.detach().clone());
  }
  return {{"parameters", at::stack(values)}};
}
const entry adamw_entry{"adamw", adamw};

}  // namespace
}  // namespace dvar::parity
