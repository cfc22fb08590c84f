#pragma once

#include <functional>

#include <nlohmann/json.hpp>

#include "torch.hpp"

namespace dvar::bench {

/// Says where the time of some calls of `work` goes, by LibTorch's profiler, as numbers of one call:
///
/// - `wall_ms`, and `busy_ms` of the device, the sum over its kernels and copies;
/// - how often the processor `launches` kernels, plays `graphs`, begins `copies` and `waits` for the device;
/// - `kernels`, the fifteen that take longest: `name`, `ms`, `count`.
///
/// On the CPU, LibTorch's operations stand for kernels: their times include those of operations within them.
nlohmann::json profile(at::Device device, std::int64_t calls, const std::function<void()>& work);

}  // namespace dvar::bench
