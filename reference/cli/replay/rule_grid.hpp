#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dvar::cli {

/// One rule of a grid: its text, and its place along the settings that vary.
struct grid_rule {
  std::string text;                  ///< for `dvar::make_criterion`
  std::vector<std::size_t> indices;  ///< one for each axis, into its values
};

/// A setting that has several values.
struct grid_axis {
  std::string name;
  std::vector<std::string> values;
};

/// All rules that a text with lists and ranges stands for.
struct rule_grid {
  std::vector<grid_axis> axes;   ///< in the order of the text; the last varies fastest
  std::vector<grid_rule> rules;  ///< one for each combination
};

/// The values of a list with `separator` between them, each a word or a range `FIRST:LAST:STEP` that includes the last if
/// a step meets it. \throws dvar::input_error that begins with `where`.
std::vector<std::string> expand_values(std::string_view text, char separator, std::string_view where);

/// `patience:patience=5/10/20,min_delta=1e-4` → three rules; `steps:100/200` → two; rules joined with `&` vary together.
/// \throws dvar::input_error as above.
rule_grid expand_rule(std::string_view text, std::string_view where);

}  // namespace dvar::cli
