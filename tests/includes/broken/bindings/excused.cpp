#include <dvar/detail/sums.hpp>
