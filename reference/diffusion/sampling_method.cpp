#include "diffusion/sampling_method.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <fmt/format.h>

#include "error.hpp"

namespace dvar::diffusion {
namespace {

struct method_names {
  sampling_method method;
  std::string_view name;
  std::string_view scheduler;
};

constexpr std::array<method_names, 5> methods{{
    {sampling_method::ddim, "ddim", "DDIMScheduler"},
    {sampling_method::pndm, "pndm", "PNDMScheduler"},
    {sampling_method::dpm_solver, "dpm++", "DPMSolverMultistepScheduler"},
    {sampling_method::euler, "euler", "EulerDiscreteScheduler"},
    {sampling_method::euler_ancestral, "euler-a", "EulerAncestralDiscreteScheduler"},
}};

std::optional<sampling_method> find(std::string_view value, std::string_view method_names::* column) {
  const auto found = std::ranges::find(methods, value, column);
  return found == methods.end() ? std::nullopt : std::optional{found->method};
}

}  // namespace

std::optional<sampling_method> sampling_method_named(std::string_view name) {
  return find(name, &method_names::name);
}

std::string_view name_of(sampling_method method) {
  return std::ranges::find(methods, method, &method_names::method)->name;
}

std::optional<sampling_method> sampling_method_in(const weights::config_reader& config) {
  return find(config.get_or<std::string>("_class_name", ""), &method_names::scheduler);
}

std::unique_ptr<sampler> make_sampler(sampling_method method, const noise_schedule& schedule,
                                      const weights::config_reader& config, std::int64_t steps, double eta) {
  // Beyond 1 more noise would be added than there is room for: the root in DDIM's equation 12 is of a negative number.
  const bool is_ddim = method == sampling_method::ddim;
  if (!(eta >= 0.0 && eta <= (is_ddim ? 1.0 : 0.0))) {
    throw input_error(fmt::format("eta: expected {}, found {}",
                                  is_ddim ? "a number from 0 to 1" : "0 with any sampler but ddim", eta));
  }
  switch (method) {
    case sampling_method::ddim: {
      ddim_options options = ddim_options::from_config(config);
      options.steps = steps;
      options.eta = eta;
      return std::make_unique<ddim_sampler>(schedule, options);
    }
    case sampling_method::pndm: {
      pndm_options options = pndm_options::from_config(config);
      options.steps = steps;
      return std::make_unique<pndm_sampler>(schedule, options);
    }
    case sampling_method::dpm_solver: {
      dpm_solver_options options = dpm_solver_options::from_config(config);
      options.steps = steps;
      return std::make_unique<dpm_solver_sampler>(schedule, options);
    }
    case sampling_method::euler:
    case sampling_method::euler_ancestral: {
      euler_options options = euler_options::from_config(config, method == sampling_method::euler_ancestral);
      options.steps = steps;
      return std::make_unique<euler_sampler>(schedule, options);
    }
  }
  throw std::logic_error("make_sampler: unknown method");
}

}  // namespace dvar::diffusion
