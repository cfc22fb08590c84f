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

/// Returns the versions of the program and of LibTorch, and the device that is computed on unless another one is asked for.
std::string versions();

/// Is what `main` returns when a signal ended a run that can be resumed: 128 and SIGINT's number, as shells
/// have it.
inline constexpr int exit_interrupted = 130;

/// Is what `main` returns when a run has diverged: what it has left is the embedding before it did.
inline constexpr int exit_diverged = 4;

/// Ends the program with `exit_diverged`, thrown when everything has been written and said.
struct diverged {};

/// Ends the program with `exit_interrupted`, thrown when everything has been written and said.
struct interrupted {};

}  // namespace dvar::cli
