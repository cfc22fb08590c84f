#include "distribution/launch.hpp"

#include <cstdlib>
#include <optional>
#include <string_view>

#include <dvar/text/number.hpp>

namespace dvar::distribution {

launch launch_of_this_process() {
  for (const char* const variable : launch_variables) {
    const char* const value = std::getenv(variable);
    if (value == nullptr) continue;
    if (std::string_view{variable}.starts_with("SLURM_") && std::getenv("SLURM_PROCID") == nullptr) continue;
    const std::optional<std::int64_t> processes = parse_number<std::int64_t>(value);
    if (processes && *processes >= 1) return {*processes, variable};
  }
  return {};
}

}  // namespace dvar::distribution
