#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/interrupts.hpp"
#include "cli/options/common_rows.hpp"
#include "cli/replay/played_rules.hpp"
#include "cli/replay/rule_grid.hpp"
#include "cli/watch/run_picture.hpp"
#include "cli/watch/served_page.hpp"
#include "cli/watch/watched_logs.hpp"
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
  std::optional<std::int64_t> serve{};
};

played_rule rule_of(const watch_command& command) {
  const rule_grid grid = expand_rule(command.stop, "--stop");
  if (grid.rules.size() != 1)
    throw input_error(fmt::format("--stop {}: expected one rule, found {}", command.stop, grid.rules.size()));
  return make_played_rule(grid.rules.front(), command.column);
}

std::string screen_of(const std::vector<seen_log>& logs) {
  const std::size_t width = reporting::columns_of_terminal(stdout);
  const bool utf8 = reporting::locale_has_utf8();
  std::string screen;
  for (const seen_log& seen : logs) {
    const auto* const run = std::get_if<watched_run>(&seen.state);
    screen += run != nullptr ? picture_of(*run, width, utf8) : std::get<std::string>(seen.state) + "\n";
  }
  return screen;
}

/// Shows the runs until somebody ends it. A screen is cleared line by line as it is drawn, so that it does not flicker.
void follow(const watch_command& command, watched_logs& logs) {
  const interrupts noted;
  const auto pause = std::chrono::duration<double>(command.every);
  while (!interrupts::requested()) {
    std::string screen = "\x1b[H";
    for (const char c : screen_of(logs.look()))
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
  watched_logs logs(command.paths, rule_of(command));
  if (command.serve) {
    serve_page(logs, static_cast<int>(*command.serve), command.every, command.stop);
    return;
  }
  if (!command.once && isatty(fileno(stdout)) == 1) {
    follow(command, logs);
    return;
  }
  const std::vector<seen_log> seen = logs.look();
  const std::string screen = screen_of(seen);
  const bool shows_a_run = std::ranges::any_of(
      seen, [](const seen_log& log) { return std::holds_alternative<watched_run>(log.state); });
  if (!shows_a_run) throw input_error(screen.substr(0, screen.find('\n')));
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
            .help = "Print where the runs stand and end, as always where the output is no terminal"},
           {.name = "serve",
            .value = &o.serve,
            .help = "Show the runs on a page for browsers of this machine, at this port; 0 takes a free one",
            .accepts = between(0, 65535),
            .needs = {.expected = "no --once", .met = [&o] { return !o.once; }}}},
      .examples =
          "Examples:\n"
          "  dvar watch OUT\n"
          "  dvar watch OUT --serve 8000\n"
          "  dvar watch runs --column val_loss --stop patience:patience=5\n"
          "  dvar watch version_3/metrics.csv --column train_loss --stop slope_test",
      .run = [options](const given_options&) { watch(*options); }};
}

}  // namespace dvar::cli
