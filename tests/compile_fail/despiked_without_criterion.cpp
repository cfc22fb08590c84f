#include <dvar/combinators/despiked.hpp>
#include <dvar/rules/step_limit.hpp>

#ifdef DVAR_MISUSE
dvar::despiked rule{3, 310};
#else
dvar::despiked rule{3, dvar::step_limit{310}};
#endif
