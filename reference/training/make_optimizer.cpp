#include "training/make_optimizer.hpp"

namespace dvar::training {
namespace {

std::unique_ptr<optimizer> make(std::map<std::string, at::Tensor> parameters, const adamw_options& options) {
  return std::make_unique<adamw>(std::move(parameters), options);
}

std::unique_ptr<optimizer> make(std::map<std::string, at::Tensor> parameters, const sgd_options& options) {
  return std::make_unique<sgd>(std::move(parameters), options);
}

std::unique_ptr<optimizer> make(std::map<std::string, at::Tensor> parameters,
                                const prodigy_options& options) {
  return std::make_unique<prodigy>(std::move(parameters), options);
}

}  // namespace

double learning_rate_of(const optimizer_options& options) {
  return std::visit([](const auto& own) { return own.learning_rate; }, options);
}

std::unique_ptr<optimizer> make_optimizer(std::map<std::string, at::Tensor> parameters,
                                          const optimizer_options& options) {
  return std::visit([&](const auto& own) { return make(std::move(parameters), own); }, options);
}

}  // namespace dvar::training
