#pragma once

#include "diffusion/ddim_sampler.hpp"
#include "diffusion/dpm_solver_sampler.hpp"
#include "diffusion/euler_sampler.hpp"
#include "diffusion/pndm_sampler.hpp"

namespace dvar::diffusion {

enum class sampling_method { ddim, pndm, dpm_solver, euler, euler_ancestral };

/// Returns the method named `ddim`, `pndm`, `dpm++`, `euler` or `euler-a`; none for any other name.
std::optional<sampling_method> sampling_method_named(std::string_view name);
std::string_view name_of(sampling_method method);

/// Returns the method that `_class_name` of `scheduler_config.json` names: DDIMScheduler, PNDMScheduler,
/// DPMSolverMultistepScheduler, EulerDiscreteScheduler or EulerAncestralDiscreteScheduler. There is none for another scheduler: the method is no property of the
/// network, so a model whose scheduler is not here can still be sampled with one that is.
std::optional<sampling_method> sampling_method_in(const weights::config_reader& config);

/// Makes the sampler of a model: `method` with its options from `scheduler_config.json`, whose missing keys
/// have the defaults of that method's published class. `eta`, from 0 to 1, is DDIM's. Throws
/// `dvar::input_error` when a key is not supported (the message names it), `steps` go beyond the schedule,
/// `eta` is outside its range or for another method, or the method cannot walk the schedule.
std::unique_ptr<sampler> make_sampler(sampling_method method, const noise_schedule& schedule,
                                      const weights::config_reader& config, std::int64_t steps,
                                      double eta = 0.0);

}  // namespace dvar::diffusion
