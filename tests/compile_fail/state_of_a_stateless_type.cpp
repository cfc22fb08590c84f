#include <dvar/state.hpp>

struct counter {
  int count = 0;
#ifdef DVAR_MISUSE
  void save(dvar::state_writer& out) const { out(count); }
#else
  static void state(auto& self, auto& archive) { archive(self.count); }
#endif
};

auto archive = dvar::save_state(counter{});
