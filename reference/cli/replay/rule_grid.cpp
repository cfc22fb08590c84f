#include "cli/replay/rule_grid.hpp"

#include <cmath>

#include <fmt/format.h>

#include <dvar/detail/number_text.hpp>

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
  const std::optional<double> value = detail::parse_number<double>(text);
  if (!value || !std::isfinite(*value))
    throw input_error(fmt::format("{}: expected FIRST:LAST:STEP with numbers, found '{}'", where, text));
  return *value;
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

/// Puts every one of the values behind every rule.
void append_values(rule_grid& grid, const std::string& before, const std::vector<std::string>& values,
                   const std::string& axis, std::string_view where) {
  if (grid.rules.size() * values.size() > most_values) {
    throw input_error(fmt::format("{}: expected at most {} settings, found {} and more", where, most_values,
                                  most_values + 1));
  }
  if (values.size() > 1) grid.axes.push_back({axis, values});
  std::vector<grid_rule> longer;
  for (const grid_rule& rule : grid.rules) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      grid_rule next{fmt::format("{}{}{}", rule.text, before, values[i]), rule.indices};
      if (values.size() > 1) next.indices.push_back(i);
      longer.push_back(std::move(next));
    }
  }
  grid.rules = std::move(longer);
}

}  // namespace

std::vector<std::string> expand_values(std::string_view text, char separator, std::string_view where) {
  std::vector<std::string> values;
  for (const std::string_view part : split(text, separator)) {
    if (part.empty()) throw input_error(fmt::format("{}: expected values, found '{}'", where, text));
    if (part.find(':') == std::string_view::npos)
      values.emplace_back(part);
    else
      append_range(values, part, where);
  }
  return values;
}

rule_grid expand_rule(std::string_view text, std::string_view where) {
  rule_grid grid{.axes = {}, .rules = {{}}};
  const std::vector<std::string_view> joined = split(text, '&');
  for (std::size_t i = 0; i < joined.size(); ++i) {
    const std::string_view name = joined[i].substr(0, joined[i].find(':'));
    append_values(grid, i == 0 ? "" : "&", {std::string{name}}, "", where);
    if (name.size() == joined[i].size()) continue;
    char before = ':';
    for (const std::string_view option : split(joined[i].substr(name.size() + 1), ',')) {
      // The values of `steps:100` and `dvar:v1` have no key.
      const std::size_t value = option.find('=') == std::string_view::npos ? 0 : option.find('=') + 1;
      const std::string_view key = option.substr(0, value == 0 ? 0 : value - 1);
      append_values(grid, fmt::format("{}{}", before, option.substr(0, value)),
                    expand_values(option.substr(value), '/', where),
                    key.empty()         ? std::string{name}
                    : joined.size() > 1 ? fmt::format("{} {}", name, key)
                                        : std::string{key},
                    where);
      before = ',';
    }
  }
  return grid;
}

}  // namespace dvar::cli
