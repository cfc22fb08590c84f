#pragma once

#include <cstdint>
#include <optional>

#include "torch.hpp"

namespace dvar::device {

/// Returns how many bytes of a device's memory are free: of a GPU's, or of the machine's where the device is its CPU; no value
/// where nobody says so.
std::optional<std::int64_t> free_memory(const at::Device& device);

/// Returns the most bytes that tensors on a GPU have held at once since the process began; no value on other devices.
std::optional<std::int64_t> peak_memory(const at::Device& device);

}  // namespace dvar::device
