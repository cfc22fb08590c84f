#include <memory>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/completion/shell_scripts.hpp"

namespace dvar::cli {

std::string in_shell_quotes(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text)
    quoted += c == '\'' ? std::string{R"('\'')"} : std::string{c};
  return quoted + "'";
}

std::string in_shell_quotes(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : " ") + in_shell_quotes(word);
  return text;
}

subcommand completion_subcommand(std::vector<subcommand> others) {
  auto shell = std::make_shared<std::string>();
  subcommand own{.name = "completion",
                 .summary = "Print the script by which a shell completes this command line",
                 .options = {{.name = "shell",
                              .value = shell.get(),
                              .help = "Whose script",
                              .accepts = choices{{"bash"}, {"zsh"}, {"fish"}},
                              .positional = true,
                              .required = true}},
                 .examples =
                     "Examples:\n"
                     "  dvar completion bash >~/.local/share/bash-completion/completions/dvar\n"
                     "  dvar completion zsh >~/.zsh/_dvar  # a folder of fpath\n"
                     "  dvar completion fish >~/.config/fish/completions/dvar.fish",
                 .run = {}};
  others.push_back(own);
  own.run = [shell, commands = std::move(others)](const given_options&) {
    fmt::print("{}", *shell == "bash"  ? bash_script(commands)
                     : *shell == "zsh" ? zsh_script(commands)
                                       : fish_script(commands));
  };
  return own;
}

}  // namespace dvar::cli
