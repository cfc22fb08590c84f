/// The subcommands of `dvar`. Each adds its options to the program and runs from CLI11's callback.
#pragma once

namespace CLI {
class App;
}

namespace dvar::cli {

void add_train(CLI::App& program);
void add_sample(CLI::App& program);
void add_init(CLI::App& program);
void add_inspect(CLI::App& program);
void add_pretrain(CLI::App& program);
void add_replay(CLI::App& program);
void add_score(CLI::App& program);
void add_sweep(CLI::App& program);

void add_commands(CLI::App& program);

/// What `main` returns when a signal ended a run that can be resumed: 128 and SIGINT's number, as shells have it.
inline constexpr int exit_interrupted = 130;

/// Thrown to end the program with `exit_interrupted` when everything has been written and said.
struct interrupted {};

}  // namespace dvar::cli
