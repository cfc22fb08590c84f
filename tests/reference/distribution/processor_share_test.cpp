#include "distribution/processor_share.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace dvar::distribution {
namespace {

cpu_set_t processors(int first, int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = first; i < first + count; ++i)
    CPU_SET(i, &set);
  return set;
}

TEST(processor_share_test, one_process_has_all_of_its_own) {
  EXPECT_EQ(processor_share(std::vector{processors(3, 5)}, 0), 5);
}

TEST(processor_share_test, processes_that_are_not_bound_divide_them) {
  EXPECT_EQ(processor_share(std::vector(4, processors(0, 64)), 2), 16);
  EXPECT_EQ(processor_share(std::vector(3, processors(0, 8)), 0), 2);
  for (const int count : {1, 3, 5, 7, 9})
    EXPECT_EQ(processor_share(std::vector(static_cast<std::size_t>(count), processors(0, 3 * count)), 0), 3);
}

TEST(processor_share_test, bound_processes_keep_theirs) {
  EXPECT_EQ(processor_share(std::vector{processors(0, 4), processors(4, 2)}, 0), 4);
  EXPECT_EQ(processor_share(std::vector{processors(0, 4), processors(4, 2)}, 1), 2);
  // Two sockets of four, two processes on each.
  const std::vector sockets{processors(0, 4), processors(0, 4), processors(4, 4), processors(4, 4)};
  for (std::size_t i = 0; i < sockets.size(); ++i)
    EXPECT_EQ(processor_share(sockets, i), 2);
}

TEST(processor_share_test, is_never_none) {
  EXPECT_EQ(processor_share(std::vector(3, processors(0, 2)), 1), 1);
  EXPECT_EQ(processor_share(std::vector{processors(0, 0)}, 0), 1);
}

}  // namespace
}  // namespace dvar::distribution
