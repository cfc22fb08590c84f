// Replays traces through dvar::variance_ratio, for tests/parity/test_variance_ratio_official.py.
//
// Reads, a trace a line: window, threshold, then the losses. Writes, a trace a line: the observation (from 1)
// at which the rule stops, 0 when it does not, and the ratio after the last observation that it was shown
// ("none" if undefined).

#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <dvar/rules/variance_ratio.hpp>
#include <dvar/text/number.hpp>
#include <dvar/trace/replay.hpp>

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream numbers(line);
    dvar::variance_ratio_options options;
    if (!(numbers >> options.window >> options.threshold)) {
      std::cerr << "replay_ratio: expected a window, a threshold and losses\n";
      return 1;
    }
    std::vector<double> losses;
    for (double loss = 0; numbers >> loss;)
      losses.push_back(loss);
    const auto result = dvar::replay(losses, dvar::variance_ratio{options});
    std::cout << result.stopped_at.value_or(0) << ' '
              << (result.last.statistic ? dvar::shortest_text(*result.last.statistic) : "none") << '\n';
  }
}
