#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/sweep/sweep_grid.hpp"

namespace dvar::cli {

/// A concept with a setting.
struct sweep_run {
  std::string concept_name;
  std::size_t setting = 0;  ///< its place among the grid's
  std::string setting_name;
  std::filesystem::path
      folder;  ///< where `dvar train` leaves everything; `run.json`, `log.txt` and `.lock` beside it
  std::vector<std::string> arguments;  ///< of `dvar train`, without its output

  std::string name() const { return concept_name + "/" + setting_name; }
};

/// Every concept, a folder below `concepts` that is not hidden, with every setting; by concept. The token is `<CONCEPT>` where
/// the setting has none. \throws dvar::input_error where there is no concept, or where `dvar train` would refuse a setting.
std::vector<sweep_run> runs_of(const std::filesystem::path& concepts,
                               const std::vector<sweep_setting>& settings,
                               const std::filesystem::path& output);

enum class run_state : std::uint8_t {
  waiting,  ///< nothing of it has been done, or it was interrupted
  running,  ///< or its process was killed together with the sweep's
  done,
  failed,
};

std::string_view name_of(run_state state);

/// What is known of a run: `run.json` in its folder.
struct run_record {
  run_state state = run_state::waiting;
  std::int64_t attempts = 0;
  double seconds = 0.0;                ///< of all attempts, on the clock
  std::vector<std::string> arguments;  ///< that it was begun with
  std::string failure;                 ///< of a failed one, how it ended
  nlohmann::json summary;              ///< of a done one, what `dvar train --json` prints; else null
};

/// A waiting run has none. \throws dvar::input_error if the file cannot be read or is no such record.
run_record read_record(const sweep_run& run);

/// Refuses a folder that holds another run than this one, or one that no sweep has begun. \throws dvar::input_error
void check_folder(const sweep_run& run);

/// The right to work on a run. The system gives it back at the end of the process, however that comes, and of the child that
/// works for it; on a file system that several machines share also among these, as far as it knows flock(2).
class run_lock {
 public:
  /// Makes the run's folder. None if another process has it. \throws dvar::input_error
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
