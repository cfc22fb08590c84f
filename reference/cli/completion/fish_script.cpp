#include <string_view>

#include <fmt/format.h>

#include "cli/completion/shell_scripts.hpp"
#include "cli/options/offered_values.hpp"

namespace dvar::cli {
namespace {

constexpr std::string_view fish_beginning =
    R"(# Completes the command line of dvar in fish. Made by: dvar completion fish

complete -c dvar -f
complete -c dvar -s h -l help -d 'Print help and exit'
complete -c dvar -n __fish_use_subcommand -l version -d 'Print the versions and exit'
)";

/// Returns the text in single quotes, as fish reads it.
std::string in_fish_quotes(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::string with_spaces(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : " ") + word;
  return text;
}

/// Returns the options of `complete` for a value: its words, and whether it is a file or a folder.
std::string offers_of(const option_row& row) {
  const offered_values offered = offered_by(row);
  std::vector<std::string> words = offered.words;
  if (offered.paths == offered_paths::folders) words.push_back("(__fish_complete_directories)");
  std::string text = offered.paths == offered_paths::files ? " -F" : " -f";
  if (!words.empty()) text += " -a " + in_fish_quotes(with_spaces(words));
  return text;
}

std::string line_of(const std::string& command, const option_row& row) {
  const std::string start = fmt::format("complete -c dvar -n '__fish_seen_subcommand_from {}'", command);
  if (row.positional) return start + offers_of(row) + "\n";
  return fmt::format("{} -l {}{} -d {}\n", start, row.name, is_flag(row) ? "" : " -r" + offers_of(row),
                     in_fish_quotes(row.help));
}

std::string line_of_command(const std::string& name, const std::string& summary) {
  return fmt::format("complete -c dvar -n __fish_use_subcommand -a {} -d {}\n", name,
                     in_fish_quotes(summary));
}

}  // namespace

std::string fish_script(const std::vector<subcommand>& commands) {
  std::string text{fish_beginning};
  std::vector<std::string> names;
  for (const subcommand& command : commands) {
    names.push_back(command.name);
    text += line_of_command(command.name, command.summary);
  }
  text += line_of_command("help", "Print the help of a command");
  text += fmt::format("complete -c dvar -n '__fish_seen_subcommand_from help' -a {}\n",
                      in_fish_quotes(with_spaces(names)));
  for (const subcommand& command : commands) {
    text += "\n";
    for (const option_row& row : command.options)
      text += line_of(command.name, row);
  }
  return text;
}

}  // namespace dvar::cli
