#pragma once

#include <cstdlib>
#include <utility>

namespace dvar::detail {

/// Every error of the toolkit passes here: throws `Error(arguments…)`. In a program that is compiled without
/// exceptions it aborts; a debugger shows the message among the arguments.
template <class Error, class... Arguments>
[[noreturn]] void fail(Arguments&&... arguments) {
#if defined(__cpp_exceptions)
  throw Error(std::forward<Arguments>(arguments)...);
#else
  ((void)arguments, ...);
  std::abort();
#endif
}

}  // namespace dvar::detail
