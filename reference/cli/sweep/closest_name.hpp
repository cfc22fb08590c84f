#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dvar::cli {

/// The name that differs from `word` by the fewest characters put in, left out or replaced (Levenshtein's distance), if
/// these are at most a third of the word's, rounded up; else an empty one. O(names * length²) time.
std::string closest_name(std::string_view word, const std::vector<std::string>& names);

}  // namespace dvar::cli
