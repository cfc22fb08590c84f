#include <dvar/probe/isolation.hpp>

#ifdef DVAR_MISUSE
void enter() {}
#else
dvar::no_isolation::guard enter() {
  return {};
}
#endif

dvar::isolate isolation{enter};
