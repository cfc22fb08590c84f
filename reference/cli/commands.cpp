#include "cli/commands.hpp"

#include <memory>

#include <fmt/format.h>

#include "cli/compute_options.hpp"
#include "cli/options/help_layout.hpp"
#include "cli/options/option_help.hpp"
#include "error.hpp"
#include "reporting/terminal.hpp"

namespace dvar::cli {
namespace {

/// Prints what docs/command-line.md says of a subcommand's options.
subcommand options_subcommand(std::vector<subcommand> all) {
  auto name = std::make_shared<std::string>();
  choices names;
  for (const subcommand& each : all)
    names.push_back({.name = each.name});
  const option_rows options{{.name = "command",
                             .value = name.get(),
                             .help = "Whose options",
                             .accepts = names,
                             .positional = true,
                             .required = true}};
  return {.name = "options",
          .summary = "Print the options of a command as a table in Markdown",
          .options = options,
          .examples = "Example:\n  dvar options train",
          .run =
              [name, all = std::move(all)](const given_options&) {
                fmt::print("{}", markdown_of(std::ranges::find(all, *name, &subcommand::name)->options));
              },
          .hidden = true};
}

}  // namespace

void add_commands(CLI::App& program) {
  lay_out_help(program, reporting::columns_of_terminal(stdout));
  std::vector<subcommand> all{train_subcommand(), sample_subcommand(),  score_subcommand(),
                              init_subcommand(),  inspect_subcommand(), replay_subcommand(),
                              watch_subcommand(), sweep_subcommand(),   pretrain_subcommand()};
  all.push_back(completion_subcommand(all));
  for (const subcommand& each : all)
    add_subcommand(program, each);
  add_subcommand(program, manual_subcommand(all));
  add_subcommand(program, options_subcommand(std::move(all)));
}

std::string versions() {
  return fmt::format("dvar {}, LibTorch {}, {}", DVAR_VERSION, TORCH_VERSION,
                     device_of(compute_options{}).str());
}

}  // namespace dvar::cli
