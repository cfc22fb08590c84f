#include <cstdio>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "error.hpp"

int main(int argc, char** argv) {
  CLI::App program{"dvar learns a concept from a few pictures and stops when it has converged.", "dvar"};
  program.require_subcommand(1);
  program.set_version_flag("--version", DVAR_VERSION);
  dvar::cli::add_commands(program);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : 2;
  } catch (const dvar::cli::interrupted&) {
    return dvar::cli::exit_interrupted;
  } catch (const dvar::input_error& error) {
    std::fprintf(stderr, "dvar: %s\n", error.what());
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dvar: internal error: %s\n", error.what());
    return 3;
  }
  return 0;
}
