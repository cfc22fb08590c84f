#pragma once

#include <stdexcept>

namespace dvar {

/// Input that the user can mend: a file, a key or an option. The message is one line and names which one, what was
/// expected and what came. Every other exception that reaches `main` is a defect of the program.
class input_error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace dvar
