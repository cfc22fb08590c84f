#include "cli/sweep/sweep_run.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/sweep/child_process.hpp"
#include "cli/train/train_output.hpp"
#include "error.hpp"
#include "name_table.hpp"
#include "weights/atomic_file.hpp"
#include "weights/config.hpp"
#include "weights/output_folder.hpp"
#include "weights/read_file.hpp"

namespace dvar::cli {
namespace {

constexpr name_table<run_status, 5> statuses{{{{"waiting", run_status::waiting},
                                               {"running", run_status::running},
                                               {"done", run_status::done},
                                               {"diverged", run_status::diverged},
                                               {"failed", run_status::failed}}}};

std::filesystem::path record_of(const sweep_run& run) {
  return run.folder / "run.json";
}

std::filesystem::path log_of(const sweep_run& run) {
  return run.folder / "log.txt";
}

void write_record(const sweep_run& run, const run_record& record) {
  const nlohmann::json json{{"state", name_of(record.status)}, {"attempts", record.attempts},
                            {"seconds", record.seconds},       {"arguments", record.arguments},
                            {"failure", record.failure},       {"summary", record.summary}};
  weights::write_atomically(record_of(run), json.dump(2) + "\n");
}

/// Returns the last line that the run has written.
std::string last_words(const sweep_run& run) {
  std::string text = weights::read_file(log_of(run));
  text.erase(text.find_last_not_of(" \n\r") + 1);
  std::string line = text.substr(text.find_last_of('\n') + 1);
  return line.starts_with('#') ? "" : line;
}

std::string failure_of(const sweep_run& run, const process_end& end) {
  const std::string words = last_words(run);
  const std::string how = end.signal != 0
                              ? fmt::format("killed by signal {} ({})", end.signal, ::strsignal(end.signal))
                              : fmt::format("exit status {}", end.status);
  return words.empty() ? how : fmt::format("{}: {}", how, words);
}

/// Counts the seconds of all attempts, and keeps them on disk now and then, so that those of an attempt are not lost with
/// this process: at least 99 in 100 of them, but for the last second.
class attempt_clock {
 public:
  attempt_clock(const sweep_run& run, const run_record& record) : run_{run}, record_{record} {}

  double seconds() const { return record_.seconds + seconds_since(begun_); }

  void keep() {
    if (seconds_since(kept_) < 1.0 + 0.01 * seconds_since(begun_)) return;
    run_record now = record_;
    now.seconds = seconds();
    write_record(run_, now);
    kept_ = clock::now();
  }

 private:
  using clock = std::chrono::steady_clock;
  static double seconds_since(clock::time_point past) {
    return std::chrono::duration<double>(clock::now() - past).count();
  }

  const sweep_run& run_;
  run_record record_;
  clock::time_point begun_ = clock::now();
  clock::time_point kept_ = begun_;
};

}  // namespace

std::vector<sweep_run> runs_of(const std::filesystem::path& concepts,
                               const std::vector<sweep_setting>& settings,
                               const std::filesystem::path& output) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry{concepts, error}, end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() && !name.starts_with('.')) names.push_back(name);
  }
  if (error) throw input_error(fmt::format("--concepts: {}: {}", concepts.string(), error.message()));
  if (names.empty()) {
    throw input_error(fmt::format(
        "--concepts: {}: expected a folder of pictures for each concept, found none", concepts.string()));
  }
  std::sort(names.begin(), names.end());
  std::vector<sweep_run> runs;
  for (const std::string& name : names) {
    const std::filesystem::path images = std::filesystem::weakly_canonical(concepts / name);
    for (std::size_t i = 0; i < settings.size(); ++i) {
      std::vector<std::string> arguments = arguments_of(settings[i], name, images);
      const bool has_token = std::ranges::any_of(
          settings[i].options, [](const sweep_option& option) { return option.name == "token"; });
      if (!has_token) arguments.push_back(fmt::format("--token=<{}>", name));
      arguments.push_back("--images=" + images.string());
      runs.push_back({.concept_name = name,
                      .setting = i,
                      .setting_name = settings[i].name,
                      .folder = output / name / settings[i].name,
                      .arguments = std::move(arguments)});
    }
  }
  for (const sweep_run& run : runs) {
    std::vector<std::string> arguments = run.arguments;
    arguments.push_back("--output=" + run.folder.string());
    try {
      check_train_arguments(std::move(arguments));
    } catch (const input_error& refused) {
      throw input_error(fmt::format("setting {}: {}", run.setting_name, refused.what()));
    }
  }
  return runs;
}

std::string_view name_of(run_status status) {
  return statuses.name_of(status);
}

run_record read_record(const sweep_run& run) {
  const std::filesystem::path file = record_of(run);
  if (!std::filesystem::exists(file)) return {};
  const weights::config_reader read{file};
  run_record record;
  record.status = statuses.value_of(read.get<std::string>("state"), file.string() + ": \"state\"");
  record.attempts = read.get<std::int64_t>("attempts");
  record.seconds = read.get<double>("seconds");
  record.arguments = read.get<std::vector<std::string>>("arguments");
  record.failure = read.get<std::string>("failure");
  if (record.status == run_status::done || record.status == run_status::diverged)
    record.summary = read.object("summary").json();
  return record;
}

void check_folder(const sweep_run& run) {
  const bool begun = std::filesystem::exists(record_of(run));
  if (!begun && !output_directory{run.folder}.files().empty())
    throw input_error(fmt::format("--output: {} holds a run that no sweep has begun", run.folder.string()));
  if (begun && read_record(run).arguments != run.arguments) {
    throw input_error(fmt::format(
        "--output: {} holds a run with other options: expected {}, found {}; give the setting another name, or another folder",
        run.folder.string(), fmt::join(run.arguments, " "), fmt::join(read_record(run).arguments, " ")));
  }
}

std::optional<run_lock> run_lock::try_take(const sweep_run& run) {
  // What is written here before the run begins is not to look like somebody else's to it.
  weights::mark_output_folder(run.folder, "train");
  const std::string path = (run.folder / ".lock").string();
  // The lock is not close-on-exec: the child holds it too, should this process be killed and the child not yet be gone.
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT, 0666);
  if (file < 0) throw_system_error("--output: " + path, errno);
  run_lock lock{file};
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return std::nullopt;
  throw_system_error(fmt::format("--output: {} cannot be locked", path), errno);
}

run_lock::~run_lock() {
  if (file_ >= 0) ::close(file_);
}

run_record carry_out(const sweep_run& run, run_record record, const std::function<bool()>& interrupted) {
  const output_directory output{run.folder};
  std::vector<std::string> arguments{"train", "--output=" + run.folder.string()};
  arguments.insert(arguments.end(), run.arguments.begin(), run.arguments.end());
  arguments.emplace_back(std::filesystem::exists(output.checkpoint()) ? "--resume" : "--overwrite");
  arguments.emplace_back("--json");

  weights::remove_unfinished_files(run.folder);
  record.status = run_status::running;
  record.arguments = run.arguments;
  record.failure.clear();
  ++record.attempts;
  write_record(run, record);
  attempt_clock clock{run, record};
  const process_end end = run_child(arguments, log_of(run), interrupted, [&] { clock.keep(); });
  record.seconds = clock.seconds();
  const bool has_ended = end.status == 0 || end.status == exit_diverged;
  if (has_ended) record.summary = nlohmann::json::parse(end.output, nullptr, /*allow_exceptions=*/false);
  if (has_ended && record.summary.is_object()) {
    record.status = end.status == 0 ? run_status::done : run_status::diverged;
    if (end.status != 0) record.failure = record.summary.value("stop_sentence", "");
  } else if (end.status == exit_interrupted || interrupted()) {
    record.status = run_status::waiting;
  } else {
    record.status = run_status::failed;
    record.failure = has_ended ? "printed no summary" : failure_of(run, end);
  }
  write_record(run, record);
  return record;
}

}  // namespace dvar::cli
