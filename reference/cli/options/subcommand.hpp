#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/options/option_row.hpp"

namespace CLI {
class App;
}

namespace dvar::cli {

/// Describes a subcommand of `dvar`: what it is told, and what it does. CLI11 stands behind this file.
struct subcommand {
  std::string name;
  std::string summary;
  option_rows options;  ///< have targets that live as long as `run`
  std::string examples;
  std::function<void(const given_options&)> run;
  bool checked = true;  ///< has `check` called before it runs
  bool hidden = false;
};

/// Adds the subcommand to the program; it runs while the program parses its command line, and passes on what
/// it throws.
void add_subcommand(CLI::App& program, const subcommand& command);

/// Returns a sentence about a command or an option that may have been meant by what could not be read of the command line, or
/// no value where nothing is near.
std::optional<std::string> misspelling_in(const CLI::App& program);

/// Reads arguments into the rows' targets, as the command line of a subcommand with these options would be
/// read, and returns the names of the options that were given. Throws `dvar::input_error` when they cannot be
/// read.
given_options parse(const option_rows& rows, std::vector<std::string> arguments);

}  // namespace dvar::cli
