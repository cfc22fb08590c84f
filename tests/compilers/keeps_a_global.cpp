// What the check of core.cpp's object must find: data that can be written.
#include <dvar/rules/variance_ratio.hpp>

long observations = 0;

bool stops(dvar::variance_ratio& rule, double loss) {
  ++observations;
  return rule.observe(loss).stop;
}
