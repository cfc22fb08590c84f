#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <new>
#include <stdexcept>
#include <string_view>

#include <dvar/dvar.h>
#include <dvar/state.hpp>

namespace dvar::c {

/// Fills in `error`, if there is one; returns `status`.
inline dvar_status report(dvar_error* error, dvar_status status, std::string_view message) noexcept {
  if (error != nullptr) {
    error->status = status;
    constexpr std::string_view cut = "...";
    std::size_t length = message.size();
    if (length >= sizeof error->message) {
      length = sizeof error->message - 1 - cut.size();
      // Not within a character of UTF-8.
      while (length > 0 && (static_cast<unsigned char>(message[length]) & 0xC0U) == 0x80U)
        --length;
    }
    char* end = std::copy_n(message.data(), length, error->message);
    if (length < message.size()) end = std::copy(cut.begin(), cut.end(), end);
    *end = '\0';
  }
  return status;
}

/// Runs `work`, and turns an exception into a status and a message.
template <class Work>
dvar_status guarded(dvar_error* error, Work work) noexcept {
  try {
    work();
    return report(error, DVAR_OK, "");
  } catch (const state_error& failure) {
    return report(error, DVAR_BAD_STATE, failure.what());
  } catch (const std::invalid_argument& failure) {
    return report(error, DVAR_INVALID_ARGUMENT, failure.what());
  } catch (const std::length_error&) {
    return report(error, DVAR_OUT_OF_MEMORY, "out of memory: a window is larger than any memory");
  } catch (const std::bad_alloc&) {
    return report(error, DVAR_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& failure) {
    return report(error, DVAR_FAILED, failure.what());
  } catch (...) {
    return report(error, DVAR_FAILED, "an unknown error");
  }
}

}  // namespace dvar::c
