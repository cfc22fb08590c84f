#pragma once

#include <cstddef>

namespace dvar::test {

/// How often this program has called `operator new`.
std::size_t allocations() noexcept;

}  // namespace dvar::test
