#include "cli/train/train_profile.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dvar::cli {

bool is_main(const device::phase_total& phase) {
  return phase.path.find('/') == std::string::npos;
}

std::string table_of(const std::vector<device::phase_total>& phases) {
  double all = 0.0;
  for (const device::phase_total& phase : phases)
    if (is_main(phase)) all += phase.seconds;
  std::string table =
      fmt::format("{:<26} {:>10} {:>6} {:>8} {:>10}\n", "Profile", "seconds", "share", "times", "memory");
  for (const device::phase_total& phase : phases) {
    const auto depth = static_cast<std::size_t>(std::ranges::count(phase.path, '/'));
    const std::string name = phase.path.substr(phase.path.rfind('/') + 1);
    table +=
        fmt::format("{:<26} {:>10.3f} {:>4.0f} % {:>8} {:>7} MB\n", std::string(2 * (depth + 1), ' ') + name,
                    phase.seconds, all > 0.0 ? 100.0 * phase.seconds / all : 0.0, phase.count,
                    phase.resident_bytes >> 20);
  }
  return table;
}

nlohmann::json json_of(const std::vector<device::phase_total>& phases) {
  nlohmann::json list = nlohmann::json::array();
  for (const device::phase_total& phase : phases) {
    list.push_back({{"phase", phase.path},
                    {"count", phase.count},
                    {"seconds", phase.seconds},
                    {"resident_bytes", phase.resident_bytes}});
  }
  return list;
}

}  // namespace dvar::cli
