#include "cli/replay/rule_grid.hpp"

#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

#include <dvar/text/number.hpp>

#include "error.hpp"
#include "training/stopping.hpp"

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

double number(std::string_view text, std::string_view option) {
  const std::optional<double> value = parse_number<double>(text);
  if (!value || !std::isfinite(*value))
    throw input_error(fmt::format("{}: expected FIRST:LAST:STEP with numbers, found '{}'", option, text));
  return *value;
}

/// Writes a number without the digits that came from adding: 0.1 + 2 * 0.1 is "0.3".
std::string text_of(double value) {
  return fmt::format("{:.12g}", value);
}

void append_range(std::vector<std::string>& values, std::string_view text, std::string_view option) {
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() != 3)
    throw input_error(fmt::format("{}: expected FIRST:LAST:STEP, found '{}'", option, text));
  const double first = number(parts[0], option);
  const double last = number(parts[1], option);
  const double step = number(parts[2], option);
  if (!(step > 0.0) || last < first || (last - first) / step >= static_cast<double>(most_values)) {
    throw input_error(
        fmt::format("{}: expected a range that rises by a step above 0, in at most {} values, found '{}'",
                    option, most_values, text));
  }
  const auto steps = static_cast<std::size_t>(std::floor((last - first) / step + 1e-9));
  for (std::size_t i = 0; i <= steps; ++i)
    values.push_back(text_of(first + static_cast<double>(i) * step));
}

/// Makes a rule of the grid into as many as there are values, which `set` puts into a rule.
template <class Set>
void vary(rule_grid& grid, const grid_axis& axis, std::string_view option, Set set) {
  if (grid.rules.size() * axis.values.size() > most_values) {
    throw input_error(fmt::format("{}: expected at most {} settings, found {} and more", option, most_values,
                                  most_values + 1));
  }
  const bool varies = axis.values.size() > 1;
  if (varies) grid.axes.push_back(axis);
  std::vector<grid_rule> longer;
  for (const grid_rule& rule : grid.rules) {
    for (std::size_t i = 0; i < axis.values.size(); ++i) {
      grid_rule& next = longer.emplace_back(rule);
      set(next.rules, axis.values[i]);
      if (varies) next.indices.push_back(i);
    }
  }
  grid.rules = std::move(longer);
}

}  // namespace

std::vector<std::string> expand_values(std::string_view text, char separator, std::string_view option) {
  std::vector<std::string> values;
  for (const std::string_view part : split(text, separator)) {
    if (part.empty()) throw input_error(fmt::format("{}: expected values, found '{}'", option, text));
    if (part.find(':') == std::string_view::npos)
      values.emplace_back(part);
    else
      append_range(values, part, option);
  }
  return values;
}

rule_grid expand_rule(std::string_view text, std::string_view option) {
  joint_text parsed;
  const std::string_view mark = text.starts_with(training::held_out_mark) ? training::held_out_mark : "";
  try {
    parsed = parse_rules(text.substr(mark.size()));
  } catch (const std::invalid_argument& error) {
    throw input_error(fmt::format("{}: {}", option, error.what()));
  }
  rule_grid grid{.axes = {}, .rules = {{.rules = parsed, .mark = std::string{mark}}}};
  for (std::size_t r = 0; r < parsed.size(); ++r) {
    for (std::size_t o = 0; o < parsed[r].options.size(); ++o) {
      // The values of `steps:100` and `dvar:v1` have no key.
      const auto& [key, value] = parsed[r].options[o];
      const std::string axis = !value              ? parsed[r].name
                               : parsed.size() > 1 ? fmt::format("{} {}", parsed[r].name, key)
                                                   : key;
      vary(grid, {axis, expand_values(value.value_or(key), '/', option)}, option,
           [&](joint_text& rules, const std::string& chosen) {
             option_text& varied = rules[r].options[o];
             (varied.value ? *varied.value : varied.key) = chosen;
           });
    }
  }
  return grid;
}

}  // namespace dvar::cli
