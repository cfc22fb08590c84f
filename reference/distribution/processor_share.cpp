#include "distribution/processor_share.hpp"

#include <algorithm>
#include <cmath>

namespace dvar::distribution {

int processor_share(std::span<const cpu_set_t> sets, std::size_t mine) {
  double share = 0.0;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &sets[mine])) continue;
    const auto users =
        std::ranges::count_if(sets, [&](const cpu_set_t& set) { return CPU_ISSET(processor, &set) != 0; });
    share += 1.0 / static_cast<double>(users);
  }
  // Three thirds are to make one.
  constexpr double rounding = 1e-9;
  return std::max(1, static_cast<int>(std::floor(share + rounding)));
}

}  // namespace dvar::distribution
