#include <dvar/combinators/any_of.hpp>

struct rule {
  dvar::verdict observe(double);
  dvar::verdict latest() const;
  std::string reason() const;
  void report(const dvar::report_visitor&) const;
#ifndef DVAR_MISUSE
  void reset();
#endif
  static void state(auto& self, auto& archive);
};

template class dvar::any_of<rule>;
