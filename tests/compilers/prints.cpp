// What the check of core.cpp's object must find: output.
#include <iostream>

#include <dvar/rules/variance_ratio.hpp>

bool stops(dvar::variance_ratio& rule, double loss) {
  std::cout << loss << '\n';
  return rule.observe(loss).stop;
}
