// A rule that reports nothing says so.
#include <dvar/criteria/criterion.hpp>

struct rule {
  dvar::verdict observe(double) { return {}; }
  dvar::verdict latest() const { return {}; }
  std::string reason() const { return {}; }
#ifndef DVAR_MISUSE
  void report(const dvar::report_visitor&) const {}
#endif
  void reset() {}
  static void state(auto&, auto&) {}
};

static_assert(dvar::criterion<rule>);
