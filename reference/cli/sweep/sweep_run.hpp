#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/sweep/sweep_grid.hpp"

namespace dvar::cli {

/// Pairs a concept with a setting.
struct sweep_run {
  std::string concept_name;
  std::size_t setting = 0;  ///< is its place among the grid's
  std::string setting_name;
  /// Names the folder where `dvar train` leaves everything; `run.json`, `log.txt` and `.lock` are beside it.
  std::filesystem::path folder{};
  std::vector<std::string> arguments{};  ///< are for `dvar train`, without its output

  std::string name() const { return concept_name + "/" + setting_name; }
};

/// Returns every concept, a folder below `concepts` that is not hidden, with every setting; by concept. The
/// token is `<CONCEPT>` where the setting has none. Throws `dvar::input_error` when there is no concept, or
/// when `dvar train` would refuse a setting.
std::vector<sweep_run> runs_of(const std::filesystem::path& concepts,
                               const std::vector<sweep_setting>& settings,
                               const std::filesystem::path& output);

enum class run_status : std::uint8_t {
  /// The run has not begun, or was interrupted.
  waiting,
  /// The run goes on, or its process was killed together with the sweep's.
  running,
  done,
  /// The run ended by itself, and came to nothing: see `training::run_stop`.
  diverged,
  failed,
};

std::string_view name_of(run_status status);

/// Holds what is known of a run: `run.json` in its folder.
struct run_record {
  run_status status = run_status::waiting;
  std::int64_t attempts = 0;
  double seconds = 0.0;                  ///< are those of all attempts, on the clock
  std::vector<std::string> arguments{};  ///< are those that it was begun with
  /// Says how a failed or diverged run ended.
  std::string failure{};
  /// Holds what `dvar train --json` prints of a done or diverged run; else null.
  nlohmann::json summary{};
};

/// Reads the record of a run; a waiting one has none. Throws `dvar::input_error` when the file cannot be read
/// or is no such record.
run_record read_record(const sweep_run& run);

/// Throws `dvar::input_error` when the folder holds another run than this one, or one that no sweep has begun.
void check_folder(const sweep_run& run);

/// Holds the right to work on a run. The system gives it back at the end of the process, however that comes,
/// and of the child that works for it; on a file system that several machines share also among these, as far
/// as it knows flock(2).
class run_lock {
 public:
  /// Makes the run's folder and takes its lock, or returns none if another process has it. Throws
  /// `dvar::input_error` when the folder or the lock cannot be made.
  static std::optional<run_lock> try_take(const sweep_run& run);

  run_lock(run_lock&& other) noexcept : file_{std::exchange(other.file_, -1)} {}
  run_lock& operator=(run_lock&&) = delete;
  ~run_lock();

 private:
  explicit run_lock(int file) : file_{file} {}
  int file_;
};

/// Does a run, or the rest of it from its checkpoint, in a process of its own, and writes its record before and after. The
/// caller holds its lock.
run_record carry_out(const sweep_run& run, run_record record, const std::function<bool()>& interrupted);

}  // namespace dvar::cli
