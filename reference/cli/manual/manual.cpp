#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/manual/manual_page.hpp"

namespace dvar::cli {

subcommand manual_subcommand(std::vector<subcommand> others) {
  auto name = std::make_shared<std::string>();
  choices names;
  for (const subcommand& each : others)
    names.push_back({.name = each.name});
  const option_rows options{{.name = "command",
                             .value = name.get(),
                             .help = "Whose page; without it that of dvar",
                             .accepts = names,
                             .positional = true}};
  return {.name = "manual",
          .summary = "Print the manual page of a command in roff",
          .options = options,
          .examples = "Example:\n  dvar manual train >dvar-train.1",
          .run =
              [name, commands = std::move(others)](const given_options&) {
                fmt::print("{}", name->empty() ? manual_page(commands)
                                               : manual_page_of(
                                                     *std::ranges::find(commands, *name, &subcommand::name)));
              },
          .hidden = true};
}

}  // namespace dvar::cli
