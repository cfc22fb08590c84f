/// Says what a shell can complete the value of an option to.
#pragma once

#include <string>
#include <vector>

#include "cli/options/option_row.hpp"

namespace dvar::cli {

/// Holds what a value may be, or begin with, as far as that is known. A word with `:` at its end goes on.
struct offered_values {
  std::vector<std::string> words;
  offered_paths paths = offered_paths::none;  ///< is never `of_type`
};

/// Returns the choices that the row accepts, the words that it offers, and the paths that its type says if the row does not.
offered_values offered_by(const option_row& row);

/// Returns whether the option may be given more than once, or the positional have more than one value.
bool is_repeatable(const option_row& row);

}  // namespace dvar::cli
