#include <iostream>

#include <dvar/dvar.hpp>

int main() {
  dvar::any_of rule{dvar::variance_ratio{{.window = 20}}, dvar::step_limit{1000}};
  double weight = 1.0;
  while (!rule.observe(weight * weight).stop)
    weight *= 0.98;
  std::cout << "stopped by " << rule.latest().rule << ": " << rule.reason() << '\n';
}
