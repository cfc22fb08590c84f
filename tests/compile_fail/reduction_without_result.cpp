#include <dvar/combinators/agreed.hpp>
#include <dvar/rules/step_limit.hpp>

#ifdef DVAR_MISUSE
void all_reduce(double) {}
#else
double all_reduce(double mine) {
  return mine;
}
#endif

dvar::agreed rule{all_reduce, dvar::step_limit{310}};
