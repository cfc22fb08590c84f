#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/interrupts.hpp"
#include "cli/options/common_rows.hpp"
#include "cli/sweep/sweep_table.hpp"
#include "error.hpp"
#include "weights/atomic_file.hpp"
#include "weights/output_folder.hpp"

namespace dvar::cli {
namespace {

struct sweep_command {
  std::filesystem::path concepts;
  std::filesystem::path grid;
  std::filesystem::path output;
  bool retry_failed = false;
  bool no_wait = false;
  bool quiet = false;
  bool json = false;
};

/// Returns the rank of this process among those that were started together, for what is printed; 0 of one
/// that was started alone.
int rank_of_process() {
  for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"})
    if (const char* value = std::getenv(variable)) return std::atoi(value);
  return 0;
}

/// Makes the folder of a sweep, or refuses one that is something else's, before anything is written into it.
void prepare_folder(const sweep_command& command, const std::vector<sweep_run>& runs) {
  weights::check_output_folder(command.output, "sweep");
  for (const sweep_run& run : runs)
    check_folder(run);
  weights::mark_output_folder(command.output, "sweep");
  weights::remove_unfinished_files(command.output);
  const nlohmann::json told{{"concepts", command.concepts.string()}, {"grid", command.grid.string()}};
  weights::write_atomically(command.output / "sweep.json", told.dump(2) + "\n");
}

/// Takes run after run that nobody else works on, until there is none left.
class sweep_worker {
 public:
  sweep_worker(const sweep_command& command, const std::vector<sweep_run>& runs)
      : command_{command}, runs_{runs}, tried_(runs.size()) {
    for (const sweep_run& run : runs)
      earlier_attempts_.push_back(read_record(run).attempts);
  }

  void work() {
    const interrupts watched;
    for (bool left = true; left && !interrupts::requested();) {
      bool worked = false;
      left = false;
      for (std::size_t i = 0; i < runs_.size() && !interrupts::requested(); ++i) {
        if (!wants(i, read_record(runs_[i]))) continue;
        if (carried_out(i))
          worked = true;
        else
          left = true;
      }
      if (!left || worked) continue;
      // Others work on what is left. Should one of them be killed, its run is taken over.
      if (command_.no_wait) return;
      std::this_thread::sleep_for(std::chrono::milliseconds{200});
    }
  }

 private:
  /// Returns whether the run is to be tried: once by a process, and a failed one only if it had failed before
  /// this process began.
  bool wants(std::size_t i, const run_record& record) const {
    if (tried_[i] || record.status == run_status::done || record.status == run_status::diverged) return false;
    return record.status != run_status::failed ||
           (command_.retry_failed && record.attempts == earlier_attempts_[i]);
  }

  /// Carries the run out, or returns false if another process has it.
  bool carried_out(std::size_t i) {
    const sweep_run& run = runs_[i];
    const std::optional<run_lock> lock = run_lock::try_take(run);
    if (!lock) return false;
    // Another process may have done it since.
    const run_record before = read_record(run);
    if (!wants(i, before)) return true;
    tried_[i] = true;
    say(run, before.attempts == 0 ? "begun" : "goes on");
    const run_record after = carry_out(run, before, interrupts::requested);
    switch (after.status) {
      case run_status::done:
        say(run, fmt::format("done in {:.1f} s: step {}, {}", after.seconds, after.summary.value("step", 0),
                             after.summary.value("stop_rule", "")));
        break;
      case run_status::diverged:
        say(run, "diverged: " + after.failure);
        break;
      case run_status::failed:
        say(run, "failed: " + after.failure);
        break;
      default:
        say(run, "interrupted");
        break;
    }
    return true;
  }

  void say(const sweep_run& run, const std::string& what) const {
    if (command_.quiet) return;
    const int rank = rank_of_process();
    const std::string who = rank > 0 ? fmt::format("rank {}: ", rank) : "";
    fmt::print(stderr, "{}{} {}\n", who, run.name(), what);
  }

  const sweep_command& command_;
  const std::vector<sweep_run>& runs_;
  std::vector<bool> tried_;
  std::vector<std::int64_t> earlier_attempts_;
};

void sweep(const sweep_command& command) {
  const std::vector<sweep_setting> settings = read_sweep_grid(command.grid);
  const std::vector<sweep_run> runs =
      runs_of(command.concepts, settings, std::filesystem::weakly_canonical(command.output));
  prepare_folder(command, runs);
  sweep_worker{command, runs}.work();

  std::vector<sweep_row> rows;
  std::size_t failed = 0;
  std::size_t unfinished = 0;
  for (const sweep_run& run : runs) {
    rows.push_back({run, read_record(run)});
    const run_status status = rows.back().record.status;
    failed += status == run_status::failed ? 1 : 0;
    unfinished += status == run_status::waiting || status == run_status::running ? 1 : 0;
  }
  // Of processes that were started together one reports: mpirun ends all others when one ends with an error.
  if (rank_of_process() == 0) {
    const std::string table = sweep_markdown(rows, settings);
    weights::write_atomically(command.output / "sweep.csv", sweep_csv(rows, settings));
    weights::write_atomically(command.output / "sweep.md", table);
    fmt::print("{}", command.json ? sweep_json(rows, settings) : table);
  }
  if (interrupts::requested()) {
    fmt::print(stderr, "Interrupted; the same command goes on from there.\n");
    throw interrupted{};
  }
  if (rank_of_process() != 0) return;
  if (failed > 0) {
    throw input_error(
        fmt::format("{} of {} runs failed; --retry-failed tries them again", failed, runs.size()));
  }
  if (unfinished > 0 && !command.no_wait) {
    throw input_error(fmt::format("{} of {} runs were interrupted; the same command goes on with them",
                                  unfinished, runs.size()));
  }
}

}  // namespace

subcommand sweep_subcommand() {
  auto options = std::make_shared<sweep_command>();
  sweep_command& o = *options;
  return {
      .name = "sweep",
      .summary = "Train many concepts with many settings, and compare them",
      .options =
          {{.name = "concepts",
            .value = &o.concepts,
            .help = "Folder with a folder of pictures for each concept",
            .required = true,
            .paths = offered_paths::folders},
           {.name = "grid",
            .value = &o.grid,
            .help =
                "JSON file: options of dvar train without their dashes, each with a value or a list of values",
            .required = true},
           {.name = "output",
            .value = &o.output,
            .help = "Folder for all runs and the tables; one that a sweep left goes on",
            .required = true,
            .paths = offered_paths::folders},
           {.name = "retry-failed", .value = &o.retry_failed, .help = "Try runs again that have failed"},
           {.name = "no-wait",
            .value = &o.no_wait,
            .help = "End when nothing is left to begin, also while other processes still work"},
           quiet_row(o.quiet),
           json_row(o.json, "Print runs and settings as JSON")},
      .examples =
          "Examples:\n"
          "  dvar sweep --concepts drawings --grid grid.json --output sweep\n"
          "  mpirun -n 4 dvar sweep --concepts drawings --grid grid.json --output sweep\n"
          "with a grid.json such as\n"
          "  {\"settings\": {\"dvar\": {\"stop\": \"dvar\"}, \"few\": {\"stop\": \"steps:445\"}},\n"
          "   \"grid\": {\"seed\": [0, 1]}}",
      .run = [options](const given_options&) { sweep(*options); }};
}

}  // namespace dvar::cli
