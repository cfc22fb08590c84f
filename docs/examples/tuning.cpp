// Choosing window and threshold after one long run, instead of before it.

#include <iomanip>
#include <iostream>
#include <sstream>
#include <vector>

#include <dvar/dvar.hpp>

#include "falling_loss.hpp"

/// Writes the trace of a run of 6100 steps without a rule.
std::string long_run() {
  const auto losses = losses_of(6100, [](int t) { return 0.2 + 0.8 * std::exp(-t / 300.0); }, 0.02);
  dvar::trace records;
  for (std::size_t i = 0; i < losses.size(); ++i)
    records.append(i + 1, {{"probe_loss", losses[i]}});
  std::ostringstream file;
  for (const dvar::trace_record& record : records)
    dvar::write_json_line(file, record);
  return file.str();
}

int main() {
  std::istringstream file{long_run()};  // std::ifstream file{"trace.jsonl"};
  const dvar::trace records = dvar::read_json_lines(file);

  const std::vector<std::size_t> windows{100, 200, 310, 500, 1000};
  const std::vector<double> thresholds{0.4, 0.15, 0.05, 0.01};
  const auto stops = dvar::threshold_grid(records, windows, thresholds);

  std::cout << std::setprecision(3) << "the step of the stop, and the loss there\n";
  for (std::size_t w = 0; w < windows.size(); ++w) {
    std::cout << "window " << std::setw(4) << windows[w];
    for (std::size_t t = 0; t < thresholds.size(); ++t) {
      std::cout << "   " << thresholds[t] << ": " << stops(w, t);
      if (stops(w, t) != dvar::never) std::cout << " (" << *records[stops(w, t) - 1]["probe_loss"] << ")";
    }
    std::cout << '\n';
  }

  show("slope_test", dvar::replay(records, dvar::slope_test{}));
  show("plateau", dvar::replay(records, dvar::plateau{dvar::direction::minimize, {.tolerance = 0.005}}));
}
