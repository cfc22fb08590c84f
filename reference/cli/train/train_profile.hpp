#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "device/phases.hpp"

namespace dvar::cli {

/// Returns whether a part of a run is a part of no other.
bool is_main(const device::phase_total& phase);

/// Returns the parts as a table for the terminal, each below and behind the one that it is a part of, with its share of all.
std::string table_of(const std::vector<device::phase_total>& phases);

/// Returns the parts as a list of objects: `phase` (its path), `count`, `seconds`, `resident_bytes`.
nlohmann::json json_of(const std::vector<device::phase_total>& phases);

}  // namespace dvar::cli
