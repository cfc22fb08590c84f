#include <dvar/detail/sums.hpp>  // detail::comment

int sum() {
  return dvar::detail::sums();
}
