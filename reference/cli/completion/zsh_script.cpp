#include <string_view>

#include <fmt/format.h>

#include "cli/completion/shell_scripts.hpp"
#include "cli/options/offered_values.hpp"

namespace dvar::cli {
namespace {

constexpr std::string_view zsh_beginning = R"(#compdef dvar
# Completes the command line of dvar in Zsh. Made by: dvar completion zsh

# Offers files, folders or none of them, and words. A word with : at its end goes on.
_dvar_offers() {
  local paths=$1
  shift
  compadd -- ${@:#*:}
  compadd -S '' -- ${(M)@:#*:}
  case $paths in
    files) _files ;;
    folders) _files -/ ;;
  esac
}

_dvar() {
  local context state state_descr line
  local -A opt_args
  local -a commands=(
)";

constexpr std::string_view zsh_middle = R"(  )
  _arguments -C \
    '(- *)'{-h,--help}'[Print help and exit]' \
    '(- *)--version[Print the versions and exit]' \
    '1: :->command' \
    '*:: :->arguments'
  if [[ $state == command ]]; then
    _describe -t commands 'command of dvar' commands
    return
  fi
  [[ $state == arguments ]] || return
  case $words[1] in
)";

constexpr std::string_view zsh_ending = R"(  esac
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _dvar "$@"
else
  compdef _dvar dvar
fi
)";

/// Puts a backslash before each of these characters.
std::string escaped(std::string_view text, std::string_view special) {
  std::string safe;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) safe += '\\';
    safe += c;
  }
  return safe;
}

/// Returns what `_arguments` does for a value: `:name: _dvar_offers folders 'word'`.
std::string action_of(const option_row& row) {
  const offered_values offered = offered_by(row);
  const std::string name = escaped(row.name, ":\\");
  if (offered.words.empty() && offered.paths == offered_paths::none) return fmt::format(":{}: ", name);
  std::vector<std::string> words{offered.paths == offered_paths::none      ? "none"
                                 : offered.paths == offered_paths::folders ? "folders"
                                                                           : "files"};
  for (const std::string& word : offered.words)
    words.push_back(escaped(word, ":\\"));
  // A space before the action keeps Zsh from adding arguments of its own to it.
  return fmt::format(":{}: _dvar_offers {}", name, in_shell_quotes(words));
}

std::string specification_of(const option_row& row) {
  if (row.positional) return (is_repeatable(row) ? "*" : "") + action_of(row);
  return fmt::format("{}--{}{}[{}]{}", is_repeatable(row) ? "*" : "", row.name, is_flag(row) ? "" : "=",
                     escaped(row.help, "[]\\"), is_flag(row) ? "" : action_of(row));
}

}  // namespace

std::string zsh_script(const std::vector<subcommand>& commands) {
  std::string described;
  std::string cases;
  std::vector<std::string> names{"none"};
  for (const subcommand& command : commands) {
    names.push_back(command.name);
    described +=
        fmt::format("    {}\n", in_shell_quotes(command.name + ":" + escaped(command.summary, ":\\")));
    cases += fmt::format("    {})\n      _arguments \\\n        '(- *)'{{-h,--help}}'[Print help and exit]'",
                         command.name);
    for (const option_row& row : command.options)
      cases += " \\\n        " + in_shell_quotes(specification_of(row));
    cases += "\n      ;;\n";
  }
  described += "    'help:Print the help of a command'\n";
  cases += fmt::format("    help) _arguments {} ;;\n",
                       in_shell_quotes(":command: _dvar_offers " + in_shell_quotes(names)));
  return fmt::format("{}{}{}{}{}", zsh_beginning, described, zsh_middle, cases, zsh_ending);
}

}  // namespace dvar::cli
