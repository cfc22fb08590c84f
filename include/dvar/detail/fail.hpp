#pragma once

#include <cstdlib>
#include <utility>

namespace dvar::inline v0_2::detail {

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

/// Calls `work()`, and `handle(error)` where it throws an `Error`. In a program that is compiled without exceptions
/// that error has aborted before.
template <class Error, class Work, class Handle>
void attempt(Work work, [[maybe_unused]] Handle handle) {
#if defined(__cpp_exceptions)
  try {
    work();
  } catch (const Error& error) {
    handle(error);
  }
#else
  work();
#endif
}

/// Whether an error can be handled.
#if defined(__cpp_exceptions)
inline constexpr bool has_exceptions = true;
#else
inline constexpr bool has_exceptions = false;
#endif

}  // namespace dvar::inline v0_2::detail
