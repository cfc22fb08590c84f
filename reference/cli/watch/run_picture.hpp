#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/watch/watched_run.hpp"

namespace dvar::cli {

/// Draws values as a line of blocks, `width` columns at most, from the least to the largest that are finite: each column is the mean of those that
/// fall into it, and what is not finite is a mark. `utf8` says whether there are block elements, or ASCII alone.
std::string curve_of(const std::vector<double>& values, std::size_t width, bool utf8);

/// Says where a run stands in a few lines of `width` columns at most: its log and step, the curve of its values, that of the number that the rule judges by,
/// and when the rule stops.
std::string picture_of(const watched_run& run, std::size_t width, bool utf8);

}  // namespace dvar::cli
