#include <dvar/state.hpp>

struct counter {
  void save(dvar::state_writer&) const {}
#ifndef DVAR_MISUSE
  void load(dvar::state_reader&) {}
#endif
};

auto archive = dvar::save_state(counter{});
