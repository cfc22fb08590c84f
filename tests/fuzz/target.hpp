#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

/// Is called by libFuzzer with one input, and by smoke.cpp. Returns 0, or does not return.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace dvar::fuzz {

/// Returns inputs to begin with, good ones mostly.
std::vector<std::string> seeds();

/// Ends the program, so that the input is kept, unless `holds`.
inline void expect(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
  }
}

}  // namespace dvar::fuzz
