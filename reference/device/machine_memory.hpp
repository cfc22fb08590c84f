#pragma once

#include <cstdint>
#include <optional>

namespace dvar::device {

/// Returns how many bytes the machine can give without taking them from other programs, or fewer where the process is limited to
/// that; no value where the system does not say.
std::optional<std::int64_t> available_machine_memory();

/// Returns how many bytes of this process are in memory, those of mapped files among them; no value where the system does not say.
std::optional<std::int64_t> resident_memory();

}  // namespace dvar::device
