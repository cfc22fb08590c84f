#pragma once

#include <string_view>
#include <vector>

#include "torch.hpp"
#include "weights/config.hpp"

namespace dvar::diffusion {

/// Says how a sampler spreads its steps over the schedule (Lin et al., arXiv 2305.08891, table 2).
enum class timestep_spacing { leading, trailing, linspace };

/// Reads `timestep_spacing` of `scheduler_config.json`. Throws `dvar::input_error` when it is wrong, and
/// names file and key.
timestep_spacing timestep_spacing_from_config(const weights::config_reader& config,
                                              timestep_spacing fallback);

/// Reads `steps_offset`, 0 where it is missing. Throws `dvar::input_error`, which names file and key, unless
/// it is at least 0 and less than `trained_timesteps(config)`.
std::int64_t steps_offset_from_config(const weights::config_reader& config);

/// Returns `steps` of the timesteps 0 … trained - 1, from noise to picture, spaced and rounded as the
/// published samplers do; `offset` is added to those of `leading`. Needs 1 <= steps <= trained.
std::vector<std::int64_t> spaced_timesteps(timestep_spacing spacing, std::int64_t steps, std::int64_t trained,
                                           std::int64_t offset);

/// Throws `dvar::input_error` unless `least` <= steps <= greatest.
void check_steps(std::int64_t steps, std::int64_t least, std::int64_t greatest);

/// Throws `dvar::input_error` unless all timesteps lie in 0 … trained - 1; the message blames the offset, the
/// only thing that leads beyond.
void check_timesteps(const std::vector<std::int64_t>& timesteps, std::int64_t trained, std::int64_t offset);

}  // namespace dvar::diffusion
