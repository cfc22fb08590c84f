/// Writes manual pages in roff, with the macros of man(7), from the rows of options.
#pragma once

#include <string>
#include <vector>

#include "cli/options/subcommand.hpp"

namespace dvar::cli {

/// Returns dvar(1), which lists the commands that are not hidden.
std::string manual_page(const std::vector<subcommand>& commands);

/// Returns the page of a command, such as dvar-train(1).
std::string manual_page_of(const subcommand& command);

}  // namespace dvar::cli
