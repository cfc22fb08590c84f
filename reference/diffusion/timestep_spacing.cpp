#include "diffusion/timestep_spacing.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "diffusion/noise_schedule.hpp"
#include "error.hpp"

namespace dvar::diffusion {

timestep_spacing timestep_spacing_from_config(const weights::config_reader& config,
                                              timestep_spacing fallback) {
  const auto named = config.find<std::string>("timestep_spacing");
  if (!named) return fallback;
  if (*named == "leading") return timestep_spacing::leading;
  if (*named == "trailing") return timestep_spacing::trailing;
  if (*named == "linspace") return timestep_spacing::linspace;
  config.refuse_value("timestep_spacing", "leading, trailing or linspace");
}

std::int64_t steps_offset_from_config(const weights::config_reader& config) {
  const auto offset = config.get_or<std::int64_t>("steps_offset", 0);
  const std::int64_t trained = trained_timesteps(config);
  if (offset < 0 || offset >= trained)
    config.refuse_value("steps_offset",
                        fmt::format("0 to {}, less than the schedule's timesteps", trained - 1));
  return offset;
}

std::vector<std::int64_t> spaced_timesteps(timestep_spacing spacing, std::int64_t steps, std::int64_t trained,
                                           std::int64_t offset) {
  std::vector<std::int64_t> timesteps;
  const auto total = static_cast<double>(trained);
  const auto count = static_cast<double>(steps);
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto step = static_cast<double>(i);
    switch (spacing) {
      case timestep_spacing::leading:
        timesteps.push_back(i * (trained / steps) + offset);
        break;
      case timestep_spacing::trailing: {
        // In the published sampler's order of rounding (numpy.arange), which decides where a timestep lies half-way.
        const double stride = (total - total / count) - total;
        timesteps.push_back(std::llrint(total + step * stride) - 1);
        break;
      }
      case timestep_spacing::linspace: {
        const double stride = steps > 1 ? (total - 1.0) / (count - 1.0) : 0.0;
        timesteps.push_back(std::llrint(step * stride));
        break;
      }
    }
  }
  if (spacing != timestep_spacing::trailing) std::ranges::reverse(timesteps);
  return timesteps;
}

void check_steps(std::int64_t steps, std::int64_t least, std::int64_t greatest) {
  if (steps < least || steps > greatest)
    throw input_error(fmt::format("sampling steps: expected {} to {}, found {}", least, greatest, steps));
}

void check_timesteps(const std::vector<std::int64_t>& timesteps, std::int64_t trained, std::int64_t offset) {
  const auto [least, greatest] = std::ranges::minmax(timesteps);
  if (least < 0 || greatest >= trained) {
    throw input_error(
        fmt::format("steps_offset {} with {} sampling steps: expected timesteps of 0 to {}, found {} to {}",
                    offset, timesteps.size(), trained - 1, least, greatest));
  }
}

}  // namespace dvar::diffusion
