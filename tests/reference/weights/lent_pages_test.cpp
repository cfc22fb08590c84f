#include "weights/lent_pages.hpp"

#include <cstdint>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "weights/model_directory.hpp"
#include "weights/safetensors.hpp"

namespace dvar::weights {
namespace {

/// Says whether the page of an address is in this process's memory: bit 63 of its entry (proc_pid_pagemap(5)).
bool is_present(const void* address) {
  const auto page =
      reinterpret_cast<std::uintptr_t>(address) / static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  std::uint64_t entry = 0;
  const int map = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(::pread(map, &entry, sizeof entry, static_cast<off_t>(page * sizeof entry)), sizeof entry);
  ::close(map);
  return (entry >> 63) != 0;
}

TEST(lent_pages_test, are_given_back_through_any_view_and_come_again) {
  if (::access("/proc/self/pagemap", R_OK) != 0) GTEST_SKIP() << "the system does not say what is in memory";
  const std::filesystem::path file = std::filesystem::path{testing::TempDir()} / "lent.safetensors";
  const at::Tensor numbers = torch::arange(1 << 20).to(at::kFloat).view({1024, 1024});
  write_safetensors(file, {{"a", numbers}});
  const weight_map weights = weight_map::open(file);
  const at::Tensor lent = weights.lent("a", {1024, 1024});
  EXPECT_TRUE(at::equal(lent, numbers));
  const void* const middle = lent[512].const_data_ptr();
  EXPECT_TRUE(is_present(middle));
  give_back(lent.t().narrow(0, 100, 10));
  EXPECT_FALSE(is_present(middle));
  EXPECT_TRUE(at::equal(lent, numbers));
  EXPECT_TRUE(is_present(middle));
  {
    const given_back after_use{lent};
  }
  EXPECT_FALSE(is_present(middle));
}

TEST(lent_pages_test, outlive_the_file_that_they_are_of) {
  const std::filesystem::path file = std::filesystem::path{testing::TempDir()} / "outlived.safetensors";
  const at::Tensor numbers = torch::arange(1 << 16).to(at::kFloat);
  write_safetensors(file, {{"a", numbers}});
  const at::Tensor lent = weight_map::open(file).lent("a", {1 << 16});
  give_back(lent);
  EXPECT_TRUE(at::equal(lent, numbers));
}

TEST(lent_pages_test, what_is_not_lent_is_left_alone) {
  const at::Tensor numbers = torch::arange(1 << 16).to(at::kFloat);
  const at::Tensor kept = numbers.clone();
  int releases = 0;
  {
    const at::Tensor lent = lend(numbers, [&] { ++releases; });
    EXPECT_TRUE(is_lent(lent));
    EXPECT_TRUE(is_lent(lent.view({256, 256}).t()));
    EXPECT_FALSE(is_lent(kept));
    EXPECT_FALSE(is_lent(at::Tensor{}));
    give_back(kept);
    EXPECT_EQ(releases, 0);
    give_back(lent.slice(0, 5));
    EXPECT_EQ(releases, 1);
  }
  // Its memory is no longer lent, even where it is used on.
  give_back(numbers);
  EXPECT_EQ(releases, 1);
  EXPECT_FALSE(is_lent(numbers));
}

}  // namespace
}  // namespace dvar::weights
