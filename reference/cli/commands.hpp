/// Declares the subcommands of `dvar`.
#pragma once

#include "cli/options/subcommand.hpp"

namespace dvar::cli {

subcommand train_subcommand();
subcommand sample_subcommand();
subcommand score_subcommand();
subcommand init_subcommand();
subcommand inspect_subcommand();
subcommand replay_subcommand();
subcommand sweep_subcommand();
subcommand pretrain_subcommand();

/// Adds all subcommands to the program.
void add_commands(CLI::App& program);

/// Is what `main` returns when a signal ended a run that can be resumed: 128 and SIGINT's number, as shells
/// have it.
inline constexpr int exit_interrupted = 130;

/// Ends the program with `exit_interrupted`, thrown when everything has been written and said.
struct interrupted {};

}  // namespace dvar::cli
