#pragma once

#include <string>
#include <string_view>

namespace dvar::weights {

/// A name out of a file, ready for a one-line message: in double quotes, JSON escapes for control characters,
/// U+FFFD for bytes that are not UTF-8, and cut after 120 bytes.
[[nodiscard]] std::string in_quotes(std::string_view name);

}  // namespace dvar::weights
