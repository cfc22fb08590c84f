#include <cstdint>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include <dvar/catalog/make_criterion.hpp>

#include "cli/commands.hpp"
#include "cli/options/common_rows.hpp"
#include "cli/replay/played_rules.hpp"
#include "cli/replay/suggestion.hpp"
#include "error.hpp"
#include "reporting/heat_map.hpp"
#include "weights/atomic_file.hpp"

namespace dvar::cli {
namespace {

struct replay_command {
  std::vector<std::filesystem::path> traces;
  std::string windows;
  std::string thresholds;
  std::vector<std::string> stops;
  std::string column;
  bool suggest = false;
  std::optional<std::int64_t> mean_of;
  std::filesystem::path figure;
  bool csv = false;
  bool json = false;
};

/// Returns the grids that are asked for; with nothing asked, the published settings.
std::vector<rule_grid> grids_of(const replay_command& command) {
  std::vector<rule_grid> grids;
  if (!command.windows.empty() || !command.thresholds.empty()) {
    const auto list = [](const std::string& given, const char* usual, const char* option) {
      std::string joined;
      for (const std::string& value : expand_values(given.empty() ? usual : given, ',', option))
        joined += (joined.empty() ? "" : "/") + value;
      return joined;
    };
    grids.push_back(
        expand_rule(fmt::format("dvar:window={},threshold={}", list(command.windows, "310", "--window"),
                                list(command.thresholds, "0.15", "--threshold")),
                    "--window, --threshold"));
  }
  for (const std::string& stop : command.stops)
    grids.push_back(expand_rule(stop, "--stop " + stop));
  if (grids.empty()) grids = {expand_rule("dvar:v1", "--stop"), expand_rule("dvar:v2", "--stop")};
  return grids;
}

/// Returns the grid's rules as a drawing: its first axis to the right, its second downwards.
reporting::heat_map heat_map_of(const rule_grid& grid, const std::vector<replayed_rule>& rows,
                                std::size_t traces) {
  const bool flat = grid.axes.size() == 1;
  const grid_axis row_axis = flat ? grid_axis{"", {""}} : grid.axes[1];
  reporting::heat_map map{
      .title = fmt::format("{}: where it stops{}", grid.rules.front().rules.front().name,
                           traces == 1 ? "" : fmt::format(", median of {} traces", traces)),
      .x_name = grid.axes[0].name,
      .y_name = row_axis.name,
      .x_labels = grid.axes[0].values,
      .y_labels = row_axis.values,
      .value_name = "step",
      .none_name = "does not stop",
      .values = std::vector<std::optional<double>>(grid.rules.size())};
  const std::map<std::string, rule_summary> summaries = summaries_of(rows);
  for (const grid_rule& rule : grid.rules) {
    const std::size_t row = flat ? 0 : rule.indices[1];
    map.values[row * map.x_labels.size() + rule.indices[0]] = summaries.at(rule.text()).median;
  }
  return map;
}

/// Returns the one grid that can be drawn.
const rule_grid& drawn_grid(const std::vector<rule_grid>& grids) {
  const rule_grid* drawn = nullptr;
  for (const rule_grid& grid : grids) {
    if (grid.axes.empty()) continue;
    if (drawn != nullptr || grid.axes.size() > 2)
      drawn = nullptr;
    else
      drawn = &grid;
    if (drawn == nullptr) break;
  }
  if (drawn == nullptr) {
    throw input_error(
        "--figure: expected one rule of which one or two settings have several values, such as --window 100:500:50 --threshold 0.1,0.2,0.4");
  }
  return *drawn;
}

void write_drawing(const std::filesystem::path& file, const reporting::heat_map& map,
                   const std::vector<replayed_rule>& rows) {
  const bool page = file.extension() == ".html";
  weights::write_atomically(
      file, page ? reporting::render_heat_map_page(map, cells_of(rows)) : reporting::render_heat_map(map));
}

void print_suggestion(const replay_command& command) {
  std::vector<trace_series> runs;
  std::vector<std::string> names;
  for (const std::filesystem::path& file : command.traces) {
    runs.push_back(read_series(file, command.column));
    names.push_back(file.string());
  }
  fmt::print("{}", describe(suggest(runs, names), command.json));
}

void run(const replay_command& command) {
  if (command.suggest) {
    print_suggestion(command);
    return;
  }
  if (!command.figure.empty() && command.figure.extension() != ".svg" &&
      command.figure.extension() != ".html") {
    throw input_error(fmt::format("--figure: expected a name that ends in .svg or .html, found {}",
                                  command.figure.string()));
  }
  const std::vector<rule_grid> grids = grids_of(command);
  const rule_grid* const drawn = command.figure.empty() ? nullptr : &drawn_grid(grids);
  std::vector<std::vector<played_rule>> played;
  const bool has_windows = !command.windows.empty() || !command.thresholds.empty();
  for (const rule_grid& grid : grids) {
    std::vector<played_rule>& rules = played.emplace_back();
    for (const grid_rule& rule : grid.rules) {
      rules.push_back(make_played_rule(rule, command.column));
      rules.back().counts_records = command.stops.empty() || (has_windows && &grid == &grids.front());
    }
  }
  const std::vector<replayed_rule> rows = play_all(command.traces, played, command.csv || command.json,
                                                   static_cast<std::size_t>(command.mean_of.value_or(0)));
  if (drawn != nullptr) write_drawing(command.figure, heat_map_of(*drawn, rows, command.traces.size()), rows);
  fmt::print("{}", describe(rows, command.json  ? table_form::json
                                  : command.csv ? table_form::csv
                                                : table_form::text));
}

}  // namespace

subcommand replay_subcommand() {
  auto options = std::make_shared<replay_command>();
  replay_command& o = *options;
  option_rows rows{{.name = "traces",
                    .value = &o.traces,
                    .help = "Traces of runs, or what other programs log: JSON, CSV, TensorBoard's events",
                    .positional = true,
                    .required = true}};
  append(
      rows, "Rules",
      {{.name = "window",
        .value = &o.windows,
        .help =
            "N of the variance ratio, in steps of the trace, of which not all need have a value: a list 100,310 or a range 100:500:50"},
       {.name = "threshold",
        .value = &o.thresholds,
        .help = "Its threshold: a list 0.15,0.39 or a range 0.05:0.5:0.05"},
       {.name = "stop",
        .value = &o.stops,
        .help = "A rule as for train --stop; values may be lists 5/10/20 and ranges 5:50:5; may be repeated",
        .otherwise = "dvar:v1 and dvar:v2",
        .offers = offered_rules()},
       {.name = "column",
        .value = &o.column,
        .help = "What the rules are shown",
        .otherwise =
            "clip_score for clip, held_out_probe_loss for held_out:RULE; for others probe_loss, or the only one that there is",
        .offers = {"probe_loss", "loss", "clip_score"}},
       {.name = "suggest",
        .value = &o.suggest,
        .help = "Say which --window and --threshold fit these runs, three or more, and how sure that is",
        .needs = {"no --stop, --window, --threshold, --figure and --csv", [&o] {
                    return o.stops.empty() && o.windows.empty() && o.thresholds.empty() && o.figure.empty() &&
                           !o.csv;
                  }}}});
  append(rows, "Results",
         {{.name = "figure",
           .value = &o.figure,
           .help = "Draw one rule's grid as a heat map: FILE.svg, or FILE.html with the table"},
          {.name = "mean",
           .value = &o.mean_of,
           .help = "Also say how sure the mean of so many last values is, which are noisy and alike",
           .accepts = at_least(8),
           .needs = {"no --suggest", [&o] { return !o.suggest; }}},
          {.name = "csv",
           .value = &o.csv,
           .help = "Print CSV",
           .needs = {"no --json", [&o] { return !o.json; }}},
          json_row(o.json, "Print JSON")});
  std::string names;
  for (const std::string_view name : criterion_names())
    names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  return {.name = "replay",
          .summary = "Say where rules would have stopped recorded runs, without running them",
          .options = rows,
          .examples = "Rules: " + names +
                      "\n\nExamples:\n"
                      "  dvar replay out/trace.jsonl\n"
                      "  dvar replay runs/*/trace.jsonl --window 100:500:50 \\\n"
                      "      --threshold 0.1,0.15,0.39 --figure grid.svg\n"
                      "  dvar replay runs/*/trace.jsonl --suggest\n"
                      "  dvar replay checkpoint-500/trainer_state.json --column loss --stop slope_test\n"
                      "  dvar replay out/trace.jsonl --column loss --stop mean_settled --mean 310\n"
                      "  dvar replay out/trace.jsonl --stop slope_test \\\n"
                      "      --stop patience:patience=10/50/100,min_delta=1e-4",
          .run = [options](const given_options&) { run(*options); }};
}

}  // namespace dvar::cli
