#pragma once

#include <optional>
#include <string>

#include "cli/options/option_row.hpp"
#include "training/learning_rate.hpp"
#include "training/make_optimizer.hpp"
#include "training/sharpness.hpp"

namespace dvar::cli {

/// Holds the optimizer as the command line has it: sharpness-aware minimization is one among the others
/// there.
struct optimizer_choice {
  std::string name = "adamw";  ///< is adamw, sgd, sam, asam or prodigy
  std::string base = "adamw";  ///< takes the step of sam and asam: adamw or sgd
  // Ten times gentler than the published 5e-3, under which not every concept of the bundled model comes to rest.
  double learning_rate = 5e-4;
  bool scale_learning_rate = false;  ///< scales it by the inputs of a step, of all ranks
  double weight_decay = 1e-2;
  double momentum = training::sgd_options{}.momentum;
  std::optional<double> radius{};     ///< is that of the paper where not given
  std::string schedule = "constant";  ///< is that of the learning rate

  bool is_sharpness_aware() const { return name == "sam" || name == "asam"; }
  bool is_prodigy() const { return name == "prodigy"; }
  bool is_sgd() const { return (is_sharpness_aware() ? base : name) == "sgd"; }
};

/// Returns the rows of the options that say what takes the steps and at which rate. Both must outlive the
/// rows.
option_rows optimizer_rows(optimizer_choice& optimizer, training::learning_rate_options& schedule);

/// Holds the optimizer that is chosen, and with sharpness-aware minimization what goes around it. Its rate is
/// that of `inputs` inputs a step where it is to scale with them.
struct resolved_optimizer {
  training::optimizer_options optimizer;
  std::optional<training::sharpness_options> sharpness;
};
resolved_optimizer resolve(const optimizer_choice& choice, std::int64_t inputs);

}  // namespace dvar::cli
