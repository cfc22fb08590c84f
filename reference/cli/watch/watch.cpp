#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/interrupts.hpp"
#include "cli/options/common_rows.hpp"
#include "cli/replay/played_rules.hpp"
#include "cli/replay/rule_grid.hpp"
#include "cli/watch/found_logs.hpp"
#include "cli/watch/run_picture.hpp"
#include "cli/watch/watched_run.hpp"
#include "error.hpp"
#include "reporting/terminal.hpp"

namespace dvar::cli {
namespace {

using namespace std::chrono_literals;

struct watch_command {
  std::vector<std::filesystem::path> paths;
  std::string stop = "dvar:v2";
  std::string column;
  double every = 2.0;
  bool once = false;
};

played_rule rule_of(const watch_command& command) {
  const rule_grid grid = expand_rule(command.stop, "--stop");
  if (grid.rules.size() != 1)
    throw input_error(fmt::format("--stop {}: expected one rule, found {}", command.stop, grid.rules.size()));
  return make_played_rule(grid.rules.front(), command.column);
}

/// Remembers what was made of each log, and looks again where it has changed.
class watched_logs {
 public:
  explicit watched_logs(played_rule rule) : rule_(std::move(rule)) {}

  /// Returns what is to be shown of a log: a picture, or why there is none.
  const std::string& picture(const std::filesystem::path& log, std::size_t width, bool utf8) {
    const stamp now = stamp_of(log);
    seen& last = logs_[log];
    if (!last.text.empty() && last.at == now && last.width == width) return last.text;
    last = {.at = now, .width = width, .text = {}};
    try {
      last.text = picture_of(look_at(log, rule_), width, utf8);
      ++readable_;
    } catch (const input_error& error) {
      last.text = fmt::format("{}\n", error.what());
    }
    return last.text;
  }

  /// Returns how many pictures could be made so far.
  [[nodiscard]] std::size_t readable() const noexcept { return readable_; }

 private:
  /// Says whether a file or a folder of event files is as it was: bytes and time of all that is in it.
  using stamp = std::map<std::filesystem::path, std::pair<std::uintmax_t, std::filesystem::file_time_type>>;

  struct seen {
    stamp at{};
    std::size_t width = 0;
    std::string text{};
  };

  static stamp stamp_of(const std::filesystem::path& log) {
    std::error_code gone;
    stamp of{{log, {std::filesystem::file_size(log, gone), std::filesystem::last_write_time(log, gone)}}};
    for (std::filesystem::directory_iterator each(log, gone), end; !gone && each != end; each.increment(gone))
      of[each->path()] = {std::filesystem::file_size(each->path(), gone),
                          std::filesystem::last_write_time(each->path(), gone)};
    return of;
  }

  played_rule rule_;
  std::map<std::filesystem::path, seen> logs_;
  std::size_t readable_ = 0;
};

std::string screen_of(const std::vector<std::filesystem::path>& paths, watched_logs& logs) {
  const std::size_t width = reporting::columns_of_terminal(stdout);
  const bool utf8 = reporting::locale_has_utf8();
  std::string screen;
  for (const std::filesystem::path& path : paths) {
    const std::vector<std::filesystem::path> found = logs_at(path);
    if (found.empty()) screen += fmt::format("{}: expected a log of a run, found none yet\n", path.string());
    for (const std::filesystem::path& log : found)
      screen += logs.picture(log, width, utf8);
  }
  return screen;
}

/// Shows the runs until somebody ends it. A screen is cleared line by line as it is drawn, so that it does not flicker.
void follow(const watch_command& command, watched_logs& logs) {
  const interrupts noted;
  const auto pause = std::chrono::duration<double>(command.every);
  while (!interrupts::requested()) {
    std::string screen = "\x1b[H";
    for (const char c : screen_of(command.paths, logs))
      screen += c == '\n' ? std::string("\x1b[K\n") : std::string(1, c);
    fmt::print("{}\x1b[J", screen);
    std::fflush(stdout);
    const auto again = std::chrono::steady_clock::now() + pause;
    while (!interrupts::requested() && std::chrono::steady_clock::now() < again)
      std::this_thread::sleep_for(std::min<std::chrono::duration<double>>(pause, 50ms));
  }
  fmt::print("\n");
}

void watch(const watch_command& command) {
  watched_logs logs(rule_of(command));
  for (const std::filesystem::path& path : command.paths)
    if (!std::filesystem::exists(path))
      throw input_error(
          fmt::format("{}: expected a log of a run, or a folder of them, found nothing", path.string()));
  if (!command.once && isatty(fileno(stdout)) == 1) {
    follow(command, logs);
    return;
  }
  const std::string screen = screen_of(command.paths, logs);
  if (logs.readable() == 0) throw input_error(screen.substr(0, screen.find('\n')));
  fmt::print("{}", screen);
}

}  // namespace

subcommand watch_subcommand() {
  auto options = std::make_shared<watch_command>();
  watch_command& o = *options;
  return {
      .name = "watch",
      .summary = "Follow runs by their logs, whatever program writes them, and forecast the stop of a rule",
      .options =
          {{.name = "paths",
            .value = &o.paths,
            .help = "Logs of runs as for replay, or folders with such runs",
            .positional = true,
            .required = true},
           {.name = "stop",
            .value = &o.stop,
            .help = "The rule, as for train --stop",
            .offers = offered_rules()},
           {.name = "column",
            .value = &o.column,
            .help = "What the rule is shown",
            .otherwise = "clip_score for clip; for others probe_loss, or the only one that there is",
            .offers = {"probe_loss", "loss", "clip_score"}},
           {.name = "every", .value = &o.every, .help = "Seconds between looks", .accepts = above(0.0)},
           {.name = "once",
            .value = &o.once,
            .help = "Print where the runs stand and end, as always where the output is no terminal"}},
      .examples =
          "Examples:\n"
          "  dvar watch OUT\n"
          "  dvar watch runs --column val_loss --stop patience:patience=5\n"
          "  dvar watch version_3/metrics.csv --column train_loss --stop slope_test",
      .run = [options](const given_options&) { watch(*options); }};
}

}  // namespace dvar::cli
