#include <string_view>

#include <fmt/format.h>

#include "cli/completion/shell_scripts.hpp"
#include "cli/options/offered_values.hpp"

namespace dvar::cli {
namespace {

constexpr std::string_view bash_beginning =
    R"(# Completes the command line of dvar in Bash. Made by: dvar completion bash

# Puts what stands before the cursor into words, without its quotes: Bash's own words end at = and : too.
_dvar_words() {
  local line=${COMP_LINE:0:COMP_POINT} word= quote= begun= char i
  words=()
  for ((i = 0; i < ${#line}; ++i)); do
    char=${line:i:1}
    if [[ $quote == "'" && $char != "'" ]]; then
      word+=$char
    elif [[ $char == "\\" ]]; then
      ((++i))
      word+=${line:i:1} begun=yes
    elif [[ -n $quote ]]; then
      if [[ $char == "$quote" ]]; then quote=; else word+=$char; fi
    elif [[ $char == "'" || $char == '"' ]]; then
      quote=$char begun=yes
    elif [[ $char == [[:space:]] ]]; then
      [[ -z $begun ]] || words+=("$word")
      word= begun=
    else
      word+=$char begun=yes
    fi
  done
  words+=("$word")
}

# Says of a value of an option, or of a command's own arguments, what it may be; fails for an option without a value.
_dvar_offers() {
  case "$1 $2" in
)";

constexpr std::string_view bash_middle = R"(    *) return 1 ;;
  esac
}

_dvar_options() {
  case $1 in
)";

constexpr std::string_view bash_ending = R"(_dvar() {
  local words word before command= attached= stem= breaks= paths=none found i
  local -a offered=()
  _dvar_words
  word=${words[${#words[@]} - 1]}
  unset "words[${#words[@]} - 1]"
  before=${words[${#words[@]} - 1]}
  for ((i = 1; i < ${#words[@]}; ++i)); do
    if [[ ${words[i]} != -* ]]; then
      command=${words[i]}
      break
    fi
  done

  COMPREPLY=()
  if [[ -z $command ]]; then
    offered=("${_dvar_commands[@]}" help --help --version)
  elif [[ $word == --*=* ]]; then
    attached=${word%%=*}=
    word=${word#*=}
    _dvar_offers "$command" "${attached%=}" || return 0
  elif [[ $before == --* ]] && _dvar_offers "$command" "$before"; then
    :
  elif [[ $word == -* ]]; then
    _dvar_options "$command"
  else
    _dvar_offers "$command" '' || return 0
  fi

  for found in "${offered[@]}"; do
    [[ $found != "$word"* ]] || COMPREPLY+=("$found")
  done
  if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]]; then compopt -o nospace; fi
  case $paths in
    files) i=-f ;;
    folders) i=-d ;;
    *) i= ;;
  esac
  if [[ -n $i ]]; then
    while IFS= read -r found; do COMPREPLY+=("$found"); done < <(compgen "$i" -- "$word")
    compopt -o filenames
  fi

  # Bash puts a completion in place of what follows the last of its own breaks.
  if [[ $COMP_WORDBREAKS == *=* ]]; then breaks+==; fi
  if [[ $COMP_WORDBREAKS == *:* ]]; then breaks+=:; fi
  word=$attached$word
  if [[ -n $breaks && $word == *["$breaks"]* ]]; then stem=${word%"${word##*["$breaks"]}"}; fi
  for i in "${!COMPREPLY[@]}"; do
    found=$attached${COMPREPLY[i]}
    COMPREPLY[i]=${found#"$stem"}
  done
}

complete -F _dvar dvar
)";

std::string_view paths_in_bash(offered_paths paths) {
  return paths == offered_paths::folders ? "folders" : "files";
}

/// Returns the line of `_dvar_offers` for the values of an option; of a positional, where `option` is empty.
std::string line_of(const std::string& command, const std::string& option, const offered_values& offered) {
  std::string line = fmt::format("    {})", in_shell_quotes(command + " " + option));
  if (!offered.words.empty()) line += fmt::format(" offered=({})", in_shell_quotes(offered.words));
  if (offered.paths != offered_paths::none) line += fmt::format(" paths={}", paths_in_bash(offered.paths));
  return line + " ;;\n";
}

}  // namespace

std::string bash_script(const std::vector<subcommand>& commands) {
  std::vector<std::string> names;
  std::string offers;
  std::string options;
  for (const subcommand& command : commands) {
    names.push_back(command.name);
    std::vector<std::string> own{"--help"};
    for (const option_row& row : command.options) {
      if (!row.positional) own.push_back("--" + row.name);
      if (!is_flag(row))
        offers += line_of(command.name, row.positional ? "" : "--" + row.name, offered_by(row));
    }
    options += fmt::format("    {}) offered=({}) ;;\n", command.name, in_shell_quotes(own));
  }
  offers += line_of("help", "", {.words = names});
  return fmt::format("{}{}{}{}  esac\n}}\n\n_dvar_commands=({})\n\n{}", bash_beginning, offers, bash_middle,
                     options, in_shell_quotes(names), bash_ending);
}

}  // namespace dvar::cli
