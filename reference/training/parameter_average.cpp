#include "training/parameter_average.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

namespace dvar::training {
namespace {

constexpr const char* values_name = "values";
constexpr const char* updates_name = "updates";

}  // namespace

parameter_average::parameter_average(const at::Tensor& parameters, const average_options& options)
    : values_{parameters.detach().clone()}, options_{options} {
  if (!(options.decay >= 0.0 && options.decay < 1.0) ||
      (options.warmup_power && !(*options.warmup_power > 0.0)))
    throw std::invalid_argument("parameter_average: expected a decay in [0, 1) and an exponent above 0");
}

double parameter_average::decay_of(std::int64_t number, const average_options& options) {
  const auto before = static_cast<double>(number - 1);
  if (before <= 0.0) return 0.0;
  const double beginning = options.warmup_power ? 1.0 - std::pow(1.0 + before, -*options.warmup_power)
                                                : (1.0 + before) / (10.0 + before);
  return std::min(beginning, options.decay);
}

void parameter_average::update(const at::Tensor& parameters) {
  const at::NoGradGuard no_gradient;
  values_.sub_((values_ - parameters).mul_(1.0 - decay_of(++updates_, options_)));
}

std::map<std::string, at::Tensor> parameter_average::state() const {
  return {{values_name, values_}, {updates_name, torch::tensor(updates_)}};
}

void parameter_average::load_state(const std::map<std::string, at::Tensor>& state) {
  const auto values = state.find(values_name);
  const auto updates = state.find(updates_name);
  if (values == state.end() || values->second.sizes() != values_.sizes() || updates == state.end() ||
      updates->second.numel() != 1)
    throw std::invalid_argument(fmt::format(
        "what a run averages: '{}' or '{}' is missing or has another shape", values_name, updates_name));
  values_ = at::empty_like(values_).copy_(values->second);
  updates_ = updates->second.item<std::int64_t>();
}

}  // namespace dvar::training
