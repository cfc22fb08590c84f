#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <dvar/criteria/report.hpp>

namespace dvar::cli {

/// Holds numbers of a run, each with its step.
using step_values = std::vector<std::pair<std::size_t, double>>;

/// Returns the step at which the numbers reach the bound if they go on as in the latest half: on the line through it, of their
/// logarithms where these and the bound are above 0, as a variance ratio falls. No value where the line leads away from the bound, or not there
/// before as many steps again as the run has done, beyond which a line says nothing. Takes O(numbers) time.
std::optional<std::size_t> forecast_stop(const step_values& numbers, const stop_bound& stops);

}  // namespace dvar::cli
