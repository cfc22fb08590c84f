#include <random>

#include <dvar/probe/deterministic_probe.hpp>

#ifdef DVAR_MISUSE
using generator = std::minstd_rand;
#else
using generator = std::mt19937_64;
#endif

double loss(double x) {
  return x;
}

dvar::deterministic_probe probe{dvar::sources(dvar::fixed([](generator& g) { return 1.0 * double(g()); })),
                                loss};
