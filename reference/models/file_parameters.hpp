#pragma once

#include <set>

#include "models/parameters.hpp"
#include "models/placement.hpp"
#include "weights/model_directory.hpp"

namespace dvar::models {

/// Gives parameters from the files of a model, converted to one precision and device.
class file_parameters : public parameter_source {
 public:
  file_parameters(const weights::weight_map& weights, const placement& placement)
      : weights_{weights}, placement_{placement} {}

  bool offers(const std::string& name) const override { return weights_.contains(name); }
  at::Tensor parameter(const std::string& name, at::IntArrayRef shape, initial_value initial) override;

  /// Returns the names in the files that no network asked for, sorted.
  std::vector<std::string> unused() const;

 private:
  const weights::weight_map& weights_;
  placement placement_;
  std::set<std::string> used_;
};

}  // namespace dvar::models
