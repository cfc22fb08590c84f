#include "cli/rule_grid.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "error.hpp"

namespace dvar::cli {
namespace {

constexpr std::size_t most_values = 100000;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

double number(std::string_view text, std::string_view where) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    throw input_error(fmt::format("{}: expected FIRST:LAST:STEP with numbers, found '{}'", where, text));
  }
  return value;
}

/// No digits that came from adding: 0.1 + 2 * 0.1 is "0.3".
std::string text_of(double value) {
  return fmt::format("{:.12g}", value);
}

void append_range(std::vector<std::string>& values, std::string_view text, std::string_view where) {
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() != 3)
    throw input_error(fmt::format("{}: expected FIRST:LAST:STEP, found '{}'", where, text));
  const double first = number(parts[0], where);
  const double last = number(parts[1], where);
  const double step = number(parts[2], where);
  if (!(step > 0.0) || last < first || (last - first) / step > static_cast<double>(most_values)) {
    throw input_error(
        fmt::format("{}: expected a range that rises by a step above 0, in at most {} values, found '{}'",
                    where, most_values, text));
  }
  const auto steps = static_cast<std::size_t>(std::floor((last - first) / step + 1e-9));
  for (std::size_t i = 0; i <= steps; ++i)
    values.push_back(text_of(first + static_cast<double>(i) * step));
}

}  // namespace

std::vector<std::string> expand_values(std::string_view text, char separator, std::string_view where) {
  std::vector<std::string> values;
  for (const std::string_view part : split(text, separator)) {
    if (part.empty()) throw input_error(fmt::format("{}: expected values, found '{}'", where, text));
    if (part.find(':') == std::string_view::npos) {
      values.emplace_back(part);
    } else {
      append_range(values, part, where);
    }
  }
  return values;
}

rule_grid expand_rule(std::string_view text, std::string_view where) {
  const std::size_t colon = text.find(':');
  rule_grid grid{.axes = {}, .rules = {{std::string{text.substr(0, colon)}, {}}}};
  if (colon == std::string_view::npos) return grid;
  char before = ':';
  for (const std::string_view option : split(text.substr(colon + 1), ',')) {
    const std::size_t equals = option.find('=');
    const bool has_value = equals != std::string_view::npos;
    const std::vector<std::string> values = has_value ? expand_values(option.substr(equals + 1), '/', where)
                                                      : std::vector<std::string>{std::string{option}};
    const std::string key = has_value ? std::string{option.substr(0, equals)} : std::string{};
    if (values.size() > 1) grid.axes.push_back({key, values});
    std::vector<grid_rule> longer;
    for (const grid_rule& rule : grid.rules) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        grid_rule next{fmt::format("{}{}{}{}", rule.text, before, has_value ? key + "=" : "", values[i]),
                       rule.indices};
        if (values.size() > 1) next.indices.push_back(i);
        longer.push_back(std::move(next));
      }
    }
    if (longer.size() > most_values) {
      throw input_error(
          fmt::format("{}: expected at most {} settings, found more in '{}'", where, most_values, text));
    }
    grid.rules = std::move(longer);
    before = ',';
  }
  return grid;
}

}  // namespace dvar::cli
