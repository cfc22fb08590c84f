#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <c10/util/Exception.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "error.hpp"
#include "weights/file_mapping.hpp"
#include "weights/messages.hpp"

namespace {

/// Opens what a parent has closed of the standard streams: files that are written would get their numbers.
void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) < 0) std::_Exit(EXIT_FAILURE);
}

int report(int status, const std::string& sentence) {
  std::fprintf(stderr, "dvar: %s\n", dvar::weights::in_one_line(sentence).c_str());
  return status;
}

int report_lack_of_memory() {
  return report(
      1,
      "out of memory: what the options ask for does not fit; fewer or smaller pictures, batches and windows do");
}

int report_internal_error(const std::exception& error) {
  return report(3, std::string{"internal error: "} + error.what());
}

/// Returns the words of `dvar help train` as `dvar train --help` has them.
std::vector<char*> help_last(std::vector<char*> words) {
  static char option[] = "--help";
  if (words.size() < 2 || std::string_view{words[1]} != "help") return words;
  words.erase(words.begin() + 1);
  words.push_back(option);
  return words;
}

/// Does what the command line says, and returns the exit status.
int run(CLI::App& program, const std::vector<char*>& words) {
  try {
    program.parse(static_cast<int>(words.size()), words.data());
  } catch (const CLI::ParseError& error) {
    const std::optional<std::string> meant =
        error.get_exit_code() == 0 ? std::nullopt : dvar::cli::misspelling_in(program);
    if (meant) return report(2, *meant);
    return program.exit(error) == 0 ? 0 : 2;
  } catch (const dvar::cli::interrupted&) {
    return dvar::cli::exit_interrupted;
  } catch (const dvar::cli::diverged&) {
    return dvar::cli::exit_diverged;
  } catch (const dvar::input_error& error) {
    return report(1, error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return report(1, error.what());
  } catch (const std::bad_alloc&) {
    return report_lack_of_memory();
  } catch (const std::length_error&) {
    return report_lack_of_memory();
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    // LibTorch has no type for it on the CPU.
    if (what.find("DefaultCPUAllocator") != std::string::npos ||
        what.find("out of memory") != std::string::npos)
      return report_lack_of_memory();
    return report(3, "internal error: " + what);
  } catch (const std::exception& error) {
    return report_internal_error(error);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  // A file that grows beyond the limit of the process (ulimit -f) is then an error as a full disk is.
  std::signal(SIGXFSZ, SIG_IGN);
  dvar::weights::report_vanished_files();
  CLI::App program{std::string{dvar::cli::program_summary}, "dvar"};
  program.require_subcommand(1);
  program.set_version_flag("--version", dvar::cli::versions);
  dvar::cli::add_commands(program);
  std::vector<char*> words(argv, argv + argc);
  const int status = run(program, help_last(words));
  // What is printed may still be in a buffer, and the disk behind it full.
  const bool printed = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  return printed || status != 0 ? status : report(1, "standard output cannot be written");
}
