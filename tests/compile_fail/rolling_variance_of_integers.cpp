#include <dvar/statistics/rolling_variance.hpp>

#ifdef DVAR_MISUSE
dvar::rolling_variance<int> recent{310};
#else
dvar::rolling_variance<float> recent{310};
#endif
