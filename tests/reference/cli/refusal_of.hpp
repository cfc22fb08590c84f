#pragma once

#include <functional>
#include <string>

#include "error.hpp"

namespace dvar::cli {

/// What a call refuses its input with; empty if it does not.
inline std::string refusal_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const input_error& error) {
    return error.what();
  }
  return {};
}

}  // namespace dvar::cli
