#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace dvar::inline v0_2 {

/// Reports a trace file that cannot be read or written. The message names the line where there is one.
class trace_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;

  /// Names the line, counted from 1.
  trace_error(std::size_t line, const std::string& what)
      : std::runtime_error("trace: line " + std::to_string(line) + ": " + what) {}
};

}  // namespace dvar::inline v0_2
