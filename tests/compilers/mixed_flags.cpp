// One of two files of a program, each for other instructions: DVAR_ERROR names the function that this one defines.

#include "mixed_flags.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include <dvar/bank/variance_ratio_bank.hpp>
#include <dvar/rules/variance_ratio.hpp>

double DVAR_ERROR() {
  constexpr std::size_t series = 37;
  const dvar::variance_ratio_options options{.window = 10, .threshold = 0.15};
  dvar::variance_ratio_bank bank{series, options};
  std::vector<dvar::variance_ratio> rules(series, dvar::variance_ratio{options});
  std::mt19937_64 engine{3};
  std::vector<double> losses(series);
  double error = 0.0;
  for (int step = 1; step <= 200; ++step) {
    for (double& loss : losses)
      loss = 1.0 / step + 1e-3 * static_cast<double>(engine() % 1000);
    bank.observe(losses);
    for (std::size_t s = 0; s < series; ++s) {
      rules[s].observe(losses[s]);
      const auto expected = rules[s].window_variance();
      const auto variance = bank.window_variance(s);
      if (expected.has_value() != variance.has_value()) return 1.0;
      if (expected) error = std::max(error, std::abs(*variance / *expected - 1.0));
    }
  }
  return error;
}
