/// Writes what people read of the options: the lines of `--help` and the tables of docs/command-line.md.
#pragma once

#include "cli/options/option_row.hpp"

namespace dvar::cli {

/// Returns what holds without the option: its member's value, or words; empty for flags and where there is
/// nothing.
std::string default_of(const option_row& row);

/// Returns the meaning of an option, with what it accepts, what it needs and a default that is in words.
std::string help_of(const option_row& row);

/// Returns all options as a table in Markdown, one for each heading.
std::string markdown_of(const option_rows& rows);

}  // namespace dvar::cli
