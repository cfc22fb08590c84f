// A source may depend on those that stand before it.
#include <dvar/probe/deterministic_probe.hpp>

double encoded(const double& image) {
  return 2.0 * image;
}

double loss(double, double) {
  return 0.0;
}

#ifdef DVAR_MISUSE
dvar::deterministic_probe probe{dvar::sources(dvar::computed<1>(encoded), dvar::fixed([] { return 1.0; })),
                                loss};
#else
dvar::deterministic_probe probe{dvar::sources(dvar::fixed([] { return 1.0; }), dvar::computed<0>(encoded)),
                                loss};
#endif
