#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace dvar {

/// Reports input that the user can mend: a file, a key or an option. The message is one line and names which
/// one, what was expected and what came. Every other exception that reaches `main` is a defect of the program.
class input_error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws an `input_error` for a call that the system has refused: what could not be done, and the system's words for the
/// value of errno, as in `trace.jsonl: cannot be written: No space left on device`.
[[noreturn]] inline void throw_system_error(std::string_view what, int error) {
  throw input_error(std::string{what}.append(": ").append(std::generic_category().message(error)));
}

}  // namespace dvar
