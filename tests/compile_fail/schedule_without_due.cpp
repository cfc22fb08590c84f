#include <dvar/criteria/step_limit.hpp>
#include <dvar/monitor.hpp>

double probe() {
  return 1.0;
}

#ifdef DVAR_MISUSE
dvar::convergence_monitor monitor{probe, dvar::step_limit{310}, 10};
#else
dvar::convergence_monitor monitor{probe, dvar::step_limit{310}, dvar::cadence{10}};
#endif
