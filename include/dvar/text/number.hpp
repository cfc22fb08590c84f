#pragma once

/// \file
/// Writes numbers as text and reads them back, the same in every locale, for traces, options and messages.

#include <charconv>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#if !defined(__cpp_lib_to_chars)
#include <dvar/text/decimal.hpp>
#endif

#include <dvar/detail/finite.hpp>

namespace dvar::inline v0_2 {

/// Returns the shortest decimal text that reads back as exactly `value`; "nan", "inf" or "-inf" for one that
/// is not finite.
inline std::string shortest_text(double value) {
  if (detail::is_nan(value)) return "nan";
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

/// Returns the value in six significant digits, for sentences.
inline std::string brief_text(double value) {
  if (detail::is_nan(value)) return "nan";
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, 6).ptr};
}

/// Returns the whole of `text` as a `Number`, or no value when anything else is in it or when it is out of
/// range.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
#if !defined(__cpp_lib_to_chars)
  if constexpr (std::floating_point<Number>) {
    return detail::parse_decimal<Number>(text);
  } else
#endif
  {
    Number value{};
    const auto* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (result.ec != std::errc{} || result.ptr != end) return std::nullopt;
    return value;
  }
}

}  // namespace dvar::inline v0_2
