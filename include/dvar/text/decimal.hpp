#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <locale>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include <dvar/detail/finite.hpp>

namespace dvar::inline v0_2::detail {

/// Returns how many characters at the front of `text` are decimal digits.
inline std::size_t count_digits(std::string_view text) noexcept {
  return std::min(text.find_first_not_of("0123456789"), text.size());
}

/// Returns whether the whole of `text` is digits, perhaps with a point among them, and perhaps an exponent.
inline bool is_decimal(std::string_view text) noexcept {
  std::size_t digits = count_digits(text);
  text.remove_prefix(digits);
  if (text.starts_with('.')) {
    const std::size_t behind = count_digits(text.substr(1));
    digits += behind;
    text.remove_prefix(1 + behind);
  }
  if (digits == 0 || text.empty()) return digits > 0;
  if (text.front() != 'e' && text.front() != 'E') return false;
  text.remove_prefix(1);
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && count_digits(text) == text.size();
}

/// Returns the infinity or the NaN that `text` names, in letters of either case, or no value.
template <std::floating_point Real>
std::optional<Real> parse_named(std::string_view text) noexcept {
  const auto is = [text](std::string_view name) {
    return std::equal(text.begin(), text.end(), name.begin(), name.end(),
                      [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && a - 'A' == b - 'a'); });
  };
  if (is("inf") || is("infinity")) return static_cast<Real>(number_of_bits(infinite_bits));
  if (is("nan")) return static_cast<Real>(number_of_bits(nan_bits));
  return std::nullopt;
}

/// Returns the whole of `text` as a number, or no value when anything else is in it or when it is out of range: what
/// `std::from_chars` does for a floating-point number, for standard libraries that do not have that (LLVM's before 20).
template <std::floating_point Real>
std::optional<Real> parse_decimal(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (const std::optional<Real> named = parse_named<Real>(digits)) return negative ? -*named : *named;
  if (!is_decimal(digits)) return std::nullopt;
  std::istringstream stream{std::string(text)};
  stream.imbue(std::locale::classic());
  Real value{};
  stream >> value;
  // Some libraries report a subnormal number as a failure, some do not report what is too small for one.
  const bool subnormal = value != 0 && value > -1 && value < 1;
  const std::string_view mantissa = digits.substr(0, digits.find_first_of("eE"));
  const bool underflow = value == 0 && mantissa.find_first_of("123456789") != std::string_view::npos;
  return (stream.fail() && !subnormal) || underflow ? std::nullopt : std::optional(value);
}

}  // namespace dvar::inline v0_2::detail
