#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <dvar/catalog/rule_text.hpp>

namespace dvar::cli {

/// Holds one rule of a grid: its text, and its place along the settings that vary.
struct grid_rule {
  joint_text rules;
  /// Stands in front of them: `training::held_out_mark`, or nothing.
  std::string mark{};
  /// Holds an index into the values of each axis.
  std::vector<std::size_t> indices{};

  /// Returns the rules as `train --stop` takes them.
  std::string text() const { return mark + to_text(rules); }
};

/// Holds a setting that has several values.
struct grid_axis {
  std::string name;
  std::vector<std::string> values;
};

/// Holds all rules that a text with lists and ranges stands for.
struct rule_grid {
  /// Holds the axes in the order of the text; the last varies fastest.
  std::vector<grid_axis> axes;
  /// Holds a rule for each combination.
  std::vector<grid_rule> rules;
};

/// Returns the values of a list with `separator` between them, each a word or a range `FIRST:LAST:STEP` that
/// includes the last if a step meets it. Throws `dvar::input_error`, which begins with `option`, when the
/// list cannot be read.
std::vector<std::string> expand_values(std::string_view text, char separator, std::string_view option);

/// Returns all rules of a text such as `patience:patience=5/10/20,min_delta=1e-4`, which are three, or
/// `steps:100/200`, which are two; rules joined with `&` vary together. Throws `dvar::input_error`, which
/// begins with `option`, when the text cannot be read.
rule_grid expand_rule(std::string_view text, std::string_view option);

}  // namespace dvar::cli
