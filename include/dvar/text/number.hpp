#pragma once

/// \file
/// Writes numbers as text and reads them back, the same in every locale, for traces, options and messages.

#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace dvar {

/// Returns the shortest decimal text that reads back as exactly `value`; "nan", "inf" or "-inf" for one that
/// is not finite.
inline std::string shortest_text(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return std::isnan(value) ? std::string("nan") : std::string(buffer, end);
}

/// Returns the value in six significant digits, for sentences.
inline std::string brief_text(double value) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, 6).ptr};
}

/// Returns the whole of `text` as a `Number`, or no value when anything else is in it or when it is out of
/// range.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc{} || result.ptr != end) return std::nullopt;
  return value;
}

}  // namespace dvar
