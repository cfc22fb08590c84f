#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "suite.hpp"

namespace dvar::stress {

/// Holds what the program was asked for.
struct command_line {
  suite_options suite;
  std::vector<kind> kinds;
  std::vector<std::string> rules;
  /// Says where the table goes; to the standard output without.
  std::optional<std::filesystem::path> output;
  bool wants_help = false;
};

/// Returns how the program is used.
std::string usage();

/// Reads the arguments after the program's name. Throws `std::invalid_argument` with what was expected and what came for
/// an option that is unknown or has no such value, for a kind that there is not, for a file of rules that cannot be read,
/// and when there is no rule.
command_line parse_command_line(std::span<const char* const> arguments);

}  // namespace dvar::stress
