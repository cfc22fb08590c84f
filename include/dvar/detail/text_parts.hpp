#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dvar::inline v0_2::detail {

/// Returns the parts of a text between separators: one more than there are separators, empty ones among them.
inline std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

/// Returns the words with a separator between them.
template <class Words>
std::string joined(const Words& words, std::string_view separator) {
  std::string text;
  for (const std::string_view word : words) {
    // Not by operator+, of whose result GCC 12 warns without a reason.
    if (!text.empty()) text.append(separator);
    text.append(word);
  }
  return text;
}

/// Returns the text in single quotation marks.
inline std::string quoted(std::string_view text) {
  return std::string(1, '\'').append(text).append(1, '\'');
}

}  // namespace dvar::inline v0_2::detail
