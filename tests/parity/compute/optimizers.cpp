// Optimizers.
#include "request.hpp"
#include "training/adamw.hpp"
#include "training/prodigy.hpp"

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

/// Gives both of two parameters `start_0` and `start_1`, and the estimated distance, after each step with `gradients_0` and
/// `gradients_1` [steps, …] at the `rates` [steps]. After half of the steps another object goes on from the state of the first.
tensors prodigy(const request& r) {
  const at::Tensor rates = r.tensor("rates");
  const at::Tensor gradients[] = {r.tensor("gradients_0"), r.tensor("gradients_1")};
  const std::map<std::string, at::Tensor> parameters{{"0", r.tensor("start_0").set_requires_grad(true)},
                                                     {"1", r.tensor("start_1").set_requires_grad(true)}};
  const training::prodigy_options options{.weight_decay = r.number("weight_decay")};
  auto optimizer = std::make_unique<training::prodigy>(parameters, options);
  std::vector<at::Tensor> values[2], distances;
  for (std::int64_t step = 0; step < rates.numel(); ++step) {
    if (step == rates.numel() / 2) {
      const auto state = optimizer->state();
      optimizer = std::make_unique<training::prodigy>(parameters, options);
      optimizer->load_state(state);
    }
    optimizer->set_learning_rate(rates[step].item<double>());
    for (int i = 0; i < 2; ++i)
      parameters.at(std::to_string(i)).mutable_grad() = gradients[i][step];
    optimizer->step();
    for (int i = 0; i < 2; ++i)
      values[i].push_back(parameters.at(std::to_string(i)).detach().clone());
    distances.push_back(optimizer->distance().clone());
  }
  return {{"0", at::stack(values[0])}, {"1", at::stack(values[1])}, {"distances", at::stack(distances)}};
}
const entry prodigy_entry{"prodigy", prodigy};

}  // namespace
}  // namespace dvar::parity
