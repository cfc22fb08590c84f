#include <dvar/criteria/any_of.hpp>

struct rule {
  dvar::verdict observe(double);
  dvar::verdict latest() const;
  std::string reason() const;
#ifndef DVAR_MISUSE
  void reset();
#endif
  void save(dvar::state_writer&) const;
  void load(dvar::state_reader&);
};

template class dvar::any_of<rule>;
