#include <dvar/probe/time_budget.hpp>

#ifdef DVAR_MISUSE
using clock_type = std::chrono::system_clock;
#else
using clock_type = std::chrono::steady_clock;
#endif

dvar::time_budget<clock_type> when{0.1};
