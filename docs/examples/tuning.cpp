// Choosing window and threshold after one long run, instead of before it.

#include <iomanip>
#include <iostream>
#include <sstream>

#include <dvar/dvar.hpp>

#include "falling_loss.hpp"

/// A run of 6100 steps without a rule, and its trace.
std::string long_run() {
  const auto losses = losses_of(6100, [](int t) { return 0.2 + 0.8 * std::exp(-t / 300.0); }, 0.02);
  std::ostringstream file;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    dvar::write_json_line(file, {.step = i + 1, .probe_loss = losses[i]});
  }
  return file.str();
}

int main() {
  std::istringstream file{long_run()};  // std::ifstream file{"trace.jsonl"};
  const dvar::trace records = dvar::read_json_lines(file);

  std::cout << std::setprecision(3) << records.size() << " steps; the step of the stop, and the loss there\n";
  for (const std::size_t window : {100, 200, 310, 500, 1000}) {
    std::cout << "window " << std::setw(4) << window;
    for (const double threshold : {0.4, 0.15, 0.05, 0.01}) {
      const auto run =
          dvar::replay(records, dvar::variance_ratio{{.window = window, .threshold = threshold}});
      if (run.stopped_at) {
        std::cout << "   " << threshold << ": " << *run.stopped_at << " ("
                  << *records[*run.stopped_at - 1].probe_loss << ")";
      } else {
        std::cout << "   " << threshold << ": none";
      }
    }
    std::cout << '\n';
  }
}
