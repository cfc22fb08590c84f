#include <dvar/monitor.hpp>
#include <dvar/rules/step_limit.hpp>

double probe() {
  return 1.0;
}

#ifdef DVAR_MISUSE
dvar::convergence_monitor monitor{probe, dvar::step_limit{310}, 10};
#else
dvar::convergence_monitor monitor{probe, dvar::step_limit{310}, dvar::cadence{10}};
#endif
