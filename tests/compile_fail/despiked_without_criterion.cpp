#include <dvar/criteria/despiked.hpp>
#include <dvar/criteria/step_limit.hpp>

#ifdef DVAR_MISUSE
dvar::despiked rule{3, 310};
#else
dvar::despiked rule{3, dvar::step_limit{310}};
#endif
