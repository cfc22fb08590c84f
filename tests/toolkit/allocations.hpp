#pragma once

#include <cstddef>

namespace dvar::test {

/// Returns how often this program has called `operator new`.
std::size_t allocations() noexcept;

}  // namespace dvar::test
