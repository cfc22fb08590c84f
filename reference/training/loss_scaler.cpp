#include "training/loss_scaler.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace dvar::training {

loss_scaler::loss_scaler(const loss_scaler_options& options) : options_{options}, scale_{options.initial} {
  if (!(options.growth > 1.0) || !(options.backoff > 0.0 && options.backoff < 1.0) ||
      !(options.least > 0.0) || !(options.initial >= options.least) || options.growth_interval < 1) {
    throw std::invalid_argument(
        "loss_scaler: expected growth above 1, backoff between 0 and 1, an interval of at least 1, and an initial scale of at least the least, which is above 0");
  }
}

bool loss_scaler::update(bool finite) {
  if (!finite) {
    const bool was_least = scale_ <= options_.least;
    scale_ = std::max(options_.least, scale_ * options_.backoff);
    finite_steps_ = 0;
    return !was_least;
  }
  if (++finite_steps_ == options_.growth_interval) {
    // A scale beyond fp32, in which the loss is multiplied by it, would be infinite.
    const double grown = scale_ * options_.growth;
    if (grown <= static_cast<double>(std::numeric_limits<float>::max())) scale_ = grown;
    finite_steps_ = 0;
  }
  return true;
}

std::map<std::string, at::Tensor> loss_scaler::state() const {
  return {{"scale", torch::tensor(scale_, at::kDouble)}, {"finite_steps", torch::tensor(finite_steps_)}};
}

void loss_scaler::load_state(const std::map<std::string, at::Tensor>& state) {
  const auto take = [&](const char* name) {
    const auto found = state.find(name);
    if (found == state.end() || found->second.numel() != 1)
      throw std::invalid_argument(std::string{"loss scale's state: expected one number '"} + name + "'");
    return found->second;
  };
  const auto scale = take("scale").item<double>();
  finite_steps_ = take("finite_steps").item<std::int64_t>();
  scale_ = scale;
}

}  // namespace dvar::training
