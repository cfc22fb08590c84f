#include "cli/options/option_row.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include <fmt/format.h>

#include "error.hpp"

namespace dvar::cli {
namespace {

[[noreturn]] void refuse_value(const option_row& row, std::string_view expected, const std::string& found) {
  throw input_error(fmt::format("--{}: expected {}, found {}", row.name, expected, found));
}

std::string text_of(bool value) {
  return value ? "true" : "false";
}
std::string text_of(const std::string& value) {
  return value;
}
std::string text_of(const std::filesystem::path& value) {
  return value.string();
}
template <class Number>
std::string text_of(Number value) {
  return fmt::format("{}", value);
}
template <class Value>
std::string text_of(const std::optional<Value>& value) {
  return value ? text_of(*value) : std::string{};
}
template <class Value>
std::string text_of(const std::vector<Value>& values) {
  std::string text;
  for (const Value& value : values)
    text.append(text.empty() ? "" : ", ").append(text_of(value));
  return text;
}

void check_number(const option_row& row, double value, const std::string& found) {
  const auto* range = std::get_if<interval>(&row.accepts);
  const bool has_ends = range != nullptr && std::isfinite(range->least) && std::isfinite(range->most);
  if (!std::isfinite(value) && !has_ends) refuse_value(row, "a finite number", found);
  if (!admits(row.accepts, value)) refuse_value(row, expectation(row.accepts), found);
}

void check_value(const option_row& row, bool is_given, const std::string& value) {
  if (value.empty() && !is_given) return;
  if (!admits(row.accepts, value)) refuse_value(row, expectation(row.accepts), fmt::format("'{}'", value));
}
void check_value(const option_row&, bool, bool) {}
template <class Number>
  requires std::is_arithmetic_v<Number>
void check_value(const option_row& row, bool, Number value) {
  check_number(row, static_cast<double>(value), text_of(value));
}
template <class Number>
void check_value(const option_row& row, bool is_given, const std::optional<Number>& value) {
  if (value) check_value(row, is_given, *value);
}
void check_value(const option_row& row, bool is_given, const std::filesystem::path& value) {
  if (is_given && value.empty()) refuse_value(row, "a file or a folder", "''");
}
template <class Value>
void check_value(const option_row& row, bool is_given, const std::vector<Value>& values) {
  for (const Value& value : values)
    check_value(row, is_given, value);
}

}  // namespace

void append(option_rows& rows, const std::string& heading, option_rows more) {
  for (option_row& row : more) {
    row.heading = heading;
    rows.push_back(std::move(row));
  }
}

const option_row* find_row(const option_rows& rows, std::string_view name) {
  const auto found = std::ranges::find_if(rows, [&](const option_row& row) {
    return row.name == name || std::ranges::find(row.aliases, name) != row.aliases.end();
  });
  return found == rows.end() ? nullptr : &*found;
}

bool is_flag(const option_row& row) {
  return std::holds_alternative<bool*>(row.value);
}

std::string text_of(const option_row& row) {
  return std::visit([](const auto* value) { return text_of(*value); }, row.value);
}

void check_values(const option_rows& rows, const given_options& given) {
  for (const option_row& row : rows)
    std::visit([&](const auto* value) { check_value(row, given.contains(row.name), *value); }, row.value);
}

void check_needs(const option_rows& rows, const given_options& given) {
  for (const option_row& row : rows) {
    if (!row.needs.met || !given.contains(row.name) || row.needs.met()) continue;
    throw input_error(fmt::format("--{}: expected {} with it{}{}", row.name, row.needs.expected,
                                  row.needs.because.empty() ? "" : "; ", row.needs.because));
  }
}

void check(const option_rows& rows, const given_options& given) {
  check_values(rows, given);
  check_needs(rows, given);
}

}  // namespace dvar::cli
