#include "cli/sweep/child_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.hpp"

namespace dvar::cli {
namespace {

constexpr std::array<std::string_view, 8> rank_prefixes{
    "OMPI_", "PMIX_", "PMI_", "PRTE_", "SLURM_PROCID=", "SLURM_NTASKS=", "SLURM_LOCALID=", "SLURM_NPROCS="};

std::vector<char*> environment_without_rank() {
  std::vector<char*> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const bool of_rank =
        std::ranges::any_of(rank_prefixes, [&](std::string_view prefix) { return text.starts_with(prefix); });
    if (!of_rank) kept.push_back(*entry);
  }
  kept.push_back(nullptr);
  return kept;
}

using file_pointer = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

file_pointer opened(std::FILE* file, const std::string& name) {
  if (file == nullptr) throw_system_error(name, errno);
  return {file, &std::fclose};
}

/// Turns the process into the program, between fork and exec: nothing but system calls.
[[noreturn]] void become(const char* program, char* const* arguments, char* const* environment, int output,
                         int log, pid_t parent) {
  ::setpgid(0, 0);  // Ctrl-C reaches the parent alone, which passes it on once
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);  // it was gone before it could be asked for
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0 && ::dup2(nothing, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0 &&
      ::dup2(log, STDERR_FILENO) >= 0) {
    ::execve(program, arguments, environment);
  }
  ::_exit(127);
}

int wait_for(pid_t child, const std::function<bool()>& interrupted, const std::function<void()>& waiting) {
  bool told = false;
  int status = 0;
  for (;;) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return status;
    if (ended < 0 && errno != EINTR) throw_system_error("a run cannot be waited for", errno);
    if (!told && interrupted()) {
      ::kill(child, SIGTERM);
      told = true;
    }
    waiting();
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
}

std::string everything_in(std::FILE* file) {
  std::string text;
  std::rewind(file);
  std::array<char, 4096> buffer{};
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), file))
    text.append(buffer.data(), count);
  return text;
}

}  // namespace

process_end run_child(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                      const std::function<bool()>& interrupted, const std::function<void()>& waiting) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  std::vector<std::string> texts{program};
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  const std::vector<char*> environment = environment_without_rank();
  const file_pointer messages = opened(std::fopen(log.c_str(), "ae"), log.string());
  const file_pointer output = opened(std::tmpfile(), "a temporary file cannot be made");
  std::fprintf(messages.get(), "# dvar");
  for (const std::string& argument : arguments)
    std::fprintf(messages.get(), " %s", argument.c_str());
  std::fprintf(messages.get(), "\n");
  if (std::fflush(messages.get()) != 0) throw_system_error(log.string(), errno);

  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw_system_error("no process can be made", errno);
  if (child == 0) {
    become(program.c_str(), pointers.data(), environment.data(), ::fileno(output.get()),
           ::fileno(messages.get()), parent);
  }
  const int status = wait_for(child, interrupted, waiting);
  return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
          .output = everything_in(output.get())};
}

}  // namespace dvar::cli
