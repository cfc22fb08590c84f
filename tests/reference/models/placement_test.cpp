#include "models/placement.hpp"

#include <gtest/gtest.h>

namespace dvar::models {
namespace {

TEST(placement_test, parameters_are_copies_in_the_type_and_order_of_the_networks) {
  const placement given{.dtype = at::kBFloat16};
  const at::Tensor stored = torch::rand({2, 3, 5, 5}, at::kHalf);
  const at::Tensor kept = given.parameter(stored);
  EXPECT_EQ(kept.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(kept.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(at::equal(kept, stored.to(at::kBFloat16)));

  const at::Tensor same_type = torch::rand({2, 3});
  const at::Tensor copied = placement{}.parameter(same_type);
  EXPECT_NE(copied.data_ptr(), same_type.data_ptr());
  EXPECT_TRUE(at::equal(copied, same_type));
}

TEST(placement_test, weights_stay_in_files_that_networks_can_compute_from) {
  constexpr std::int64_t large = std::int64_t{64} << 20;
  const placement wide{};
  EXPECT_TRUE(wide.leaves_in_file(at::kFloat, large));
  EXPECT_TRUE(wide.leaves_in_file(at::kHalf, large));
  EXPECT_FALSE(wide.leaves_in_file(at::kHalf, large - 1));
  EXPECT_FALSE(wide.leaves_in_file(at::kDouble, large));  // to be narrowed once
  const placement narrow{.dtype = at::kBFloat16};
  EXPECT_TRUE(narrow.leaves_in_file(at::kBFloat16, large));
  EXPECT_FALSE(narrow.leaves_in_file(at::kFloat, large));
  EXPECT_FALSE(narrow.leaves_in_file(at::kHalf, large));  // as long, and other numbers
  EXPECT_FALSE((placement{.device = at::kCUDA}).leaves_in_file(at::kFloat, large));
  EXPECT_FALSE((placement{.weights = weight_place::memory}).leaves_in_file(at::kFloat, large));
  EXPECT_TRUE((placement{.weights = weight_place::file}).leaves_in_file(at::kFloat, 1));
  EXPECT_TRUE((placement{.weights = weight_place::streamed}).leaves_in_file(at::kFloat, 1));
  EXPECT_TRUE((placement{.weights = weight_place::streamed}).leaves_in_file(at::kDouble, 1));
}

TEST(placement_test, images_go_to_the_device_with_channels_last) {
  const placement given{.dtype = at::kHalf, .device = at::Device{at::kMeta}};
  const at::Tensor placed = given.images(torch::rand({2, 3, 4, 5}));
  EXPECT_EQ(placed.scalar_type(), at::kHalf);
  EXPECT_TRUE(placed.device().is_meta());
  EXPECT_TRUE(placed.is_contiguous(at::MemoryFormat::ChannelsLast));
}

}  // namespace
}  // namespace dvar::models
