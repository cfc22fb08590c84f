#pragma once

#include <variant>

#include "training/adamw.hpp"
#include "training/prodigy.hpp"
#include "training/sgd.hpp"

namespace dvar::training {

/// Holds the options of an optimizer; sharpness-aware minimization is no optimizer of its own but goes around
/// one of these.
using optimizer_options = std::variant<adamw_options, sgd_options, prodigy_options>;

/// Returns the rate that every optimizer has.
double learning_rate_of(const optimizer_options& options);

/// Makes an optimizer. Throws `std::invalid_argument` when an option is out of range.
std::unique_ptr<optimizer> make_optimizer(std::map<std::string, at::Tensor> parameters,
                                          const optimizer_options& options);

}  // namespace dvar::training
