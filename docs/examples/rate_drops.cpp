// Lowers a learning rate each time that the loss no longer falls, and stops after the second time.

#include <cstddef>
#include <iostream>
#include <random>

#include <dvar/dvar.hpp>

int main() {
  std::mt19937_64 engine(1);
  const auto noise = [&engine] { return static_cast<double>(engine() % 2001) / 1000.0 - 1.0; };
  double x = 10.0;

  dvar::rate_drops schedule{0.1, {.factor = 0.1, .drops = 2}, dvar::slope_test{{.window = 60}}};
  std::size_t step = 0;
  double rate = 0.0;
  do {
    if (rate != schedule.rate()) {
      rate = schedule.rate();
      std::cout << "rate " << rate << " after step " << step << '\n';
    }
    x -= rate * (2.0 * x + 4.0 * noise());
    ++step;
  } while (!schedule.observe(x * x).stop && step < 100000);
  std::cout << "stops at " << step << ": " << schedule.reason() << '\n';
}
