/// Writes the scripts by which shells complete the command line of dvar. All of them are made from the rows of options.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/options/subcommand.hpp"

namespace dvar::cli {

/// Returns the script for Bash 4 and newer: for ~/.bashrc, or a file `dvar` in bash-completion's folder.
std::string bash_script(const std::vector<subcommand>& commands);

/// Returns the script for Zsh: a file `_dvar` in a folder of `fpath`.
std::string zsh_script(const std::vector<subcommand>& commands);

/// Returns the script for fish: a file `dvar.fish` in a folder of completions.
std::string fish_script(const std::vector<subcommand>& commands);

/// Returns the text in single quotes, as Bash and Zsh read it.
std::string in_shell_quotes(std::string_view text);

/// Returns the words in single quotes, as Bash and Zsh read them, with spaces between them.
std::string in_shell_quotes(const std::vector<std::string>& words);

}  // namespace dvar::cli
