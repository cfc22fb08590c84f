#pragma once

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <dvar/trace/trace.hpp>

namespace dvar::test {

/// Holds a record to be.
struct planned_record {
  std::size_t step = 0;
  std::vector<named_value> values{};
};

/// Makes a trace of these records, with these names first.
inline trace make_trace(std::initializer_list<planned_record> records,
                        const std::vector<std::string>& names = {}) {
  trace all(names);
  for (const planned_record& record : records)
    all.append(record.step, record.values);
  return all;
}

/// Returns the trace up to `last_step`.
inline trace beginning_of(const trace& records, std::size_t last_step) {
  trace beginning(records.names());
  for (const trace_record& record : records)
    if (record.step() <= last_step) beginning.append(record.step(), record);
  return beginning;
}

/// Returns records with every combination of six values, present and absent, of every magnitude.
inline trace varied_records() {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::mt19937_64 engine{11};
  std::uniform_real_distribution<double> exponent(-320.0, 308.0);
  std::normal_distribution<double> normal;
  trace records{{"loss", "gradient_norm", "probe_loss", "patience_1/best", "total variance", "größe"}};
  for (std::size_t step = 1; step <= 256; ++step) {
    records.append(step * step);
    std::size_t present = step;
    for (std::size_t column = 0; column < records.names().size(); ++column) {
      if (present % 2 == 1) records.add(column, normal(engine) * std::pow(10.0, exponent(engine)));
      present /= 2;
    }
  }
  std::size_t step = 257 * 257;
  for (const double extreme : {infinity, -infinity, -0.0, std::numeric_limits<double>::denorm_min(),
                               std::numeric_limits<double>::max(), std::numeric_limits<double>::lowest()})
    records.append(step++, {{"loss", extreme}});
  return records;
}

/// Returns the names of a record's values, in their order.
inline std::vector<std::string> names_in(const trace_record& record) {
  std::vector<std::string> names;
  for (const named_value& each : record)
    names.emplace_back(each.name);
  return names;
}

/// Returns the text of a file in this directory.
inline std::string file_text(std::string_view name) {
  std::ifstream in(std::filesystem::path(__FILE__).replace_filename(name), std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Returns the run that version 0.1.0 wrote to version_0_1_0.csv and, with scores, to version_0_1_0.jsonl: made by
///
///     git archive 8a9d3d6 include | tar x  # and a program of this monitor, written as below:
///     dvar::convergence_monitor monitor{[&] { return loss *= 0.75; },  // from 0.25
///                                       dvar::variance_ratio{{.window = 3}}, dvar::cadence{2}};
///
/// with `write_csv_line`, and `write_json_line` and the trainer's `run_trace` on top of it.
inline trace run_of_0_1_0() {
  const double infinity = std::numeric_limits<double>::infinity();
  return make_trace({
      {1, {{"loss", 0.2841470984807897}, {"gradient_norm", 0.013147984137623383}}},
      {2,
       {{"loss", 0.2909297426825682},
        {"gradient_norm", 0.014207772294151277},
        {"probe_loss", 0.1875},
        {"total_variance", 0.0}}},
      {3, {{"loss", 0.21411200080598675}, {"gradient_norm", 0.002205000125935425}}},
      {4,
       {{"loss", 0.12431975046920718},
        {"gradient_norm", 0.011825038989186378},
        {"probe_loss", 0.140625},
        {"total_variance", 0.00054931640625}}},
      {5, {{"loss", infinity}}},
      {6,
       {{"loss", 0.17205845018010743},
        {"gradient_norm", 0.0043658671593582166},
        {"probe_loss", 0.10546875},
        {"rolling_variance", 0.001129150390625},
        {"total_variance", 0.001129150390625},
        {"ratio", 1.0}}},
      {7, {{"loss", 0.2656986598718789}, {"gradient_norm", 0.010265415604981079}}},
      {8,
       {{"loss", 0.2989358246623382},
        {"gradient_norm", 0.01545872260349034},
        {"probe_loss", 0.0791015625},
        {"rolling_variance", 0.0006351470947265625},
        {"total_variance", 0.0016495585441589355},
        {"ratio", 0.3850406504065041}}},
  });
}

}  // namespace dvar::test
