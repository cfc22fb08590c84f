#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "torch.hpp"

namespace dvar::training {

struct average_options {
  /// The most that an update leaves of the average, in [0, 1); `decay_of` says what it is at first.
  double decay = 0.9999;
  /// The exponent of another beginning, above 0: see `decay_of`.
  std::optional<double> warmup_power{};
};

/// Keeps the exponential moving average of everything that a run learns, as `diffusers.training_utils.EMAModel` does it with its
/// defaults: average ← average - (1 - decay) (average - parameters) after every update.
///
/// Memory: as much as the parameters take. Nothing waits for a device.
class parameter_average {
 public:
  /// Begins with the numbers of `parameters` [size]. Throws `std::invalid_argument` when an option is out of range.
  parameter_average(const at::Tensor& parameters, const average_options& options);

  /// Takes in the parameters [size] of another update.
  void update(const at::Tensor& parameters);

  /// Returns the average, [size].
  const at::Tensor& values() const { return values_; }

  /// Returns how much of the average update `number`, from 1, leaves: with n = number - 1, the less of `decay` and (1 + n) / (10 + n),
  /// or with `warmup_power` of `decay` and 1 - (1 + n)^-power; and 0 for the first, which becomes the average.
  static double decay_of(std::int64_t number, const average_options& options);

  /// Returns the average as `values` and the number of updates as `updates`; what `load_state` takes back bit for bit.
  std::map<std::string, at::Tensor> state() const;
  /// Throws `std::invalid_argument` when one is missing or misshapen, and names it.
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  at::Tensor values_;
  average_options options_;
  std::int64_t updates_ = 0;
};

}  // namespace dvar::training
