#include "device/machine_memory.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace dvar::device {
namespace {

constexpr std::int64_t mebibyte = 1024 * 1024;

TEST(machine_memory_test, a_machine_that_runs_this_has_some) {
  const std::optional<std::int64_t> available = available_machine_memory();
  ASSERT_TRUE(available);
  EXPECT_GT(*available, 16 * mebibyte);
}

TEST(machine_memory_test, a_limit_on_addresses_counts) {
  const auto under_a_limit = [] {
    // More than a process with LibTorch has mapped by now, and less than any machine has.
    const rlimit limit{static_cast<rlim_t>(1) << 40, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(2);
    const std::int64_t wide = available_machine_memory().value_or(-1);
    rlimit narrow{};
    narrow.rlim_cur = 1;
    narrow.rlim_max = RLIM_INFINITY;
    if (::setrlimit(RLIMIT_AS, &narrow) != 0) std::_Exit(3);
    std::_Exit(wide > 0 && available_machine_memory().value_or(0) <= 0 ? 0 : 1);
  };
  EXPECT_EXIT(under_a_limit(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace dvar::device
