#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace dvar::cli {

/// Says how a program ended, and what it said.
struct process_end {
  int status = 0;      ///< is the exit status
  int signal = 0;      ///< is the signal that killed it, or 0
  std::string output;  ///< is what it wrote to standard output
};

/// Runs this same program with other arguments and waits for its end. Standard error is appended to `log`;
/// there is no standard input. When `interrupted` says so, it is sent one SIGTERM and still waited for; it
/// gets one too when this process is killed. What tells a process its rank among others (of Open MPI, PMI,
/// PMIx, Slurm) is taken from its environment: a child of a rank is no rank. Open files without the flag
/// close-on-exec are its own too, and so are the locks on them. `waiting` is called every now and then until the end. Throws `dvar::input_error` when `log` cannot
/// be written or no process can be made.
process_end run_child(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                      const std::function<bool()>& interrupted, const std::function<void()>& waiting);

}  // namespace dvar::cli
