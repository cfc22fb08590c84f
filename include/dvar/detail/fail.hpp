#pragma once

#include <cstdlib>
#include <utility>

namespace dvar::detail {

/// Throws `Error(arguments…)`: every error of the toolkit passes here. In a program that is compiled without
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
