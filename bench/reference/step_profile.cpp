#include "step_profile.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <torch/csrc/autograd/profiler_kineto.h>

namespace dvar::bench {
namespace {

namespace profiler = torch::autograd::profiler;
using torch::profiler::impl::ActivityType;

struct total {
  double ms = 0.0;
  std::int64_t count = 0;
};

/// Records what happens while `work` runs.
std::unique_ptr<profiler::ProfilerResult> record(at::Device device, const std::function<void()>& work) {
  const torch::profiler::impl::ProfilerConfig config{torch::profiler::impl::ProfilerState::KINETO};
  std::set<ActivityType> activities{ActivityType::CPU};
  if (device.is_cuda()) activities.insert(ActivityType::CUDA);
  profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(config, activities);
  work();
  return profiler::disableProfiler();
}

bool is_wait(std::string_view call) {
  return call.ends_with("Synchronize") || call == "cudaMemcpy";
}

nlohmann::json longest(const std::map<std::string, total>& by_name, std::size_t count, double calls) {
  std::vector<std::pair<std::string, total>> sorted{by_name.begin(), by_name.end()};
  std::ranges::sort(sorted, std::ranges::greater{}, [](const auto& entry) { return entry.second.ms; });
  sorted.resize(std::min(sorted.size(), count));
  nlohmann::json result = nlohmann::json::array();
  for (const auto& [name, sum] : sorted) {
    result.push_back(
        {{"name", name}, {"ms", sum.ms / calls}, {"count", static_cast<double>(sum.count) / calls}});
  }
  return result;
}

}  // namespace

nlohmann::json profile(at::Device device, std::int64_t calls, const std::function<void()>& work) {
  std::chrono::duration<double, std::milli> wall{};
  const auto recorded = record(device, [&] {
    const auto start = std::chrono::steady_clock::now();
    for (std::int64_t call = 0; call < calls; ++call)
      work();
    wall = std::chrono::steady_clock::now() - start;
  });
  std::map<std::string, total> kernels;
  double busy = 0.0;
  std::int64_t launches = 0;
  std::int64_t graphs = 0;
  std::int64_t copies = 0;
  std::int64_t waits = 0;
  for (const profiler::KinetoEvent& event : recorded->events()) {
    const std::string name = event.name();
    if (event.deviceType() == device.type()) {
      const double ms = 1e-6 * static_cast<double>(event.durationNs());
      busy += ms;
      kernels[name].ms += ms;
      ++kernels[name].count;
    }
    if (event.deviceType() != at::kCPU) continue;
    launches += name.starts_with("cudaLaunchKernel") || name.starts_with("cuLaunchKernel") ? 1 : 0;
    graphs += name.starts_with("cudaGraphLaunch") ? 1 : 0;
    copies += name.starts_with("cudaMemcpyAsync") ? 1 : 0;
    waits += is_wait(name) ? 1 : 0;
  }
  const auto a_call = [&](auto sum) { return static_cast<double>(sum) / static_cast<double>(calls); };
  return {{"wall_ms", a_call(wall.count())},
          {"busy_ms", a_call(busy)},
          {"launches", a_call(launches)},
          {"graphs", a_call(graphs)},
          {"copies", a_call(copies)},
          {"waits", a_call(waits)},
          {"kernels", longest(kernels, 15, static_cast<double>(calls))}};
}

}  // namespace dvar::bench
