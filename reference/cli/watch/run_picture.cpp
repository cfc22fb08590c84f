#include "cli/watch/run_picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include <fmt/format.h>

namespace dvar::cli {
namespace {

constexpr std::array<std::string_view, 8> blocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 8> letters{"_", ".", "-", "~", "+", "*", "#", "@"};

constexpr std::size_t name_width = 14;
constexpr std::size_t note_width = 32;

/// Returns the columns of a curve: the mean of those values that fall into each.
std::vector<double> columns_of(const std::vector<double>& values, std::size_t width) {
  const std::size_t count = std::min(values.size(), width);
  std::vector<double> columns;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = i * values.size() / count;
    const std::size_t end = (i + 1) * values.size() / count;
    double mean = 0.0;
    for (std::size_t j = begin; j < end; ++j)
      mean += values[j] / static_cast<double>(end - begin);
    columns.push_back(mean);
  }
  return columns;
}

std::string line_of(const std::string& name, const step_values& series, const std::string& note,
                    std::size_t width, bool utf8) {
  std::vector<double> values;
  for (const auto& [step, value] : series)
    values.push_back(value);
  const std::size_t room = width > name_width + note_width + 8 ? width - name_width - note_width - 2 : 8;
  // Names are ASCII, or are cut in bytes no worse than in columns.
  const std::string called = name.size() > name_width - 2 ? name.substr(0, name_width - 2) : name;
  return fmt::format("  {:<{}}{}  {}\n", called, name_width - 2, curve_of(values, room, utf8), note);
}

/// Returns the last value, and how much lower it is than before the first step.
std::string value_note(const watched_run& run) {
  const double last = run.values.back().second;
  const std::string value = fmt::format("{:.6g}", last);
  return run.untouched ? fmt::format("{}, gained {:.3g}", value, *run.untouched - last) : value;
}

std::string outcome_of(const watched_run& run) {
  if (run.stopped_at) return fmt::format("the rule stops at step {}: {}", *run.stopped_at, run.reason);
  if (run.forecast)
    return fmt::format("the rule stops about step {}, if it goes on like this", *run.forecast);
  return fmt::format("no stop in sight: {}", run.reason);
}

}  // namespace

std::string curve_of(const std::vector<double>& values, std::size_t width, bool utf8) {
  const std::vector<double> columns = columns_of(values, width);
  double least = std::numeric_limits<double>::infinity();
  double most = -least;
  for (const double value : columns) {
    if (!std::isfinite(value)) continue;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  std::string curve;
  for (const double value : columns) {
    if (!std::isfinite(value)) {
      curve += '!';
      continue;
    }
    const double height = most > least ? (value - least) / (most - least) : 0.0;
    const auto level = static_cast<std::size_t>(std::lround(height * static_cast<double>(blocks.size() - 1)));
    curve += utf8 ? blocks[level] : letters[level];
  }
  return curve;
}

std::string picture_of(const watched_run& run, std::size_t width, bool utf8) {
  std::string text = fmt::format("{}: step {}\n", run.log.string(), run.last_step);
  text += line_of(run.column, run.values, value_note(run), width, utf8);
  if (!run.numbers.empty()) {
    text +=
        line_of(run.judged, run.numbers,
                fmt::format("{:.4g}, stops {}", run.numbers.back().second, to_text(*run.stops)), width, utf8);
  }
  return text + "  " + outcome_of(run) + "\n";
}

}  // namespace dvar::cli
