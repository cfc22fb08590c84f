#include "training/optimiser.hpp"

#include "training/adamw.hpp"
#include "training/sgd.hpp"

namespace dvar::training {

std::unique_ptr<optimiser> make_optimiser(std::map<std::string, at::Tensor> parameters,
                                          const optimiser_options& options) {
  if (options.kind == optimiser_kind::sgd) {
    return std::make_unique<sgd>(std::move(parameters), sgd_options{.learning_rate = options.learning_rate,
                                                                    .momentum = options.momentum,
                                                                    .weight_decay = options.weight_decay});
  }
  return std::make_unique<adamw>(std::move(parameters), adamw_options{.learning_rate = options.learning_rate,
                                                                      .beta_first = options.beta_first,
                                                                      .beta_second = options.beta_second,
                                                                      .epsilon = options.epsilon,
                                                                      .weight_decay = options.weight_decay});
}

}  // namespace dvar::training
