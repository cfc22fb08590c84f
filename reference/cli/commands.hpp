/// Declares the subcommands of `dvar`.
#pragma once

#include <array>
#include <string_view>

#include "cli/options/subcommand.hpp"

namespace dvar::cli {

subcommand train_subcommand();
subcommand sample_subcommand();
subcommand score_subcommand();
subcommand init_subcommand();
subcommand inspect_subcommand();
subcommand replay_subcommand();
subcommand watch_subcommand();
subcommand sweep_subcommand();
subcommand pretrain_subcommand();

/// Returns the command that prints the scripts of the shells, for the others and for itself.
subcommand completion_subcommand(std::vector<subcommand> others);

/// Returns the command that prints the manual pages of the others, for those who install them.
subcommand manual_subcommand(std::vector<subcommand> others);

/// Says what dvar does, in a sentence that begins with its name.
inline constexpr std::string_view program_summary =
    "dvar learns a concept from a few pictures and stops when it has converged.";

/// Adds all subcommands to the program.
void add_commands(CLI::App& program);

/// Returns the versions of the program and of LibTorch, and the device that is computed on unless another one is asked for.
std::string versions();

/// Is what `main` returns when a signal ended a run that can be resumed: 128 and SIGINT's number, as shells
/// have it.
inline constexpr int exit_interrupted = 130;

/// Is what `main` returns when a run has diverged: what it has left is the embedding before it did.
inline constexpr int exit_diverged = 4;

/// Says of an exit status what it means.
struct exit_status {
  int status;
  std::string_view meaning;
};

inline constexpr std::array<exit_status, 6> exit_statuses{{
    {0, "done"},
    {1, "something that was given cannot be used: a file, a folder, a value"},
    {2, "the command line cannot be read"},
    {3, "a mistake in the program"},
    {exit_diverged, "the run has diverged; the embedding of the last good step is kept"},
    {exit_interrupted, "interrupted; a checkpoint was written"},
}};

/// Ends the program with `exit_diverged`, thrown when everything has been written and said.
struct diverged {};

/// Ends the program with `exit_interrupted`, thrown when everything has been written and said.
struct interrupted {};

}  // namespace dvar::cli
