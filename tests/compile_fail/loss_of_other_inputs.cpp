#include <string>

#include <dvar/probe/deterministic_probe.hpp>

#ifdef DVAR_MISUSE
double loss(const std::string& input) {
  return double(input.size());
}
#else
double loss(int input) {
  return input;
}
#endif

dvar::deterministic_probe probe{dvar::sources(dvar::fixed([] { return 1; })), loss};
