#include <cmath>
#include <cstddef>
#include <iostream>

#include "rule.hpp"

int main() {
  double weight = 1.0;
  dvar::convergence_monitor monitor{[&] { return weight * weight; }, make_rule()};
  for (std::size_t step = 1; step <= 1000; ++step) {
    weight *= 0.98;
    if (const auto v = monitor.after_step(step); v.stop) {
      std::cout << "stopped by " << v.rule << " at step " << step << '\n';
      return 0;
    }
  }
  return 1;
}
