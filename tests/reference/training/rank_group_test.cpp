#include "training/rank_group.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "thread_ranks.hpp"

namespace dvar::training {
namespace {

TEST(rank_group_test, a_process_by_itself_has_its_own_numbers_back) {
  const rank_group& alone = single_rank();
  const at::Tensor mine = torch::rand({2, 3});
  EXPECT_TRUE(at::equal(alone.all_reduce_sum(mine), mine));
  EXPECT_EQ(alone.all_reduce_sum(0.1), 0.1);
  EXPECT_TRUE(alone.all_reduce_any(true));
  EXPECT_FALSE(alone.all_reduce_any(false));
  std::string text = "as it was";
  alone.broadcast(text);
  EXPECT_EQ(text, "as it was");
  EXPECT_EQ(alone.first_that_differs(text), std::nullopt);
  EXPECT_TRUE(alone.is_first());
  EXPECT_GE(alone.processors(), 1);
}

// 1e16 + 1 - 1e16 depends on the order in which it is added up.
TEST(rank_group_test, adds_up_in_the_order_of_the_ranks) {
  const std::vector<double> of_ranks{1e16, 1.0, -1e16};
  std::vector<double> sums(3);
  std::vector<at::Tensor> tensors(3);
  thread_ranks{3}.run([&](const rank_group& group) {
    const auto rank = static_cast<std::size_t>(group.rank());
    sums[rank] = group.all_reduce_sum(of_ranks[rank]);
    tensors[rank] = group.all_reduce_sum(at::full({2, 1}, static_cast<float>(rank) + 0.5F, at::kFloat));
  });
  EXPECT_EQ(sums, std::vector<double>(3, (1e16 + 1.0) - 1e16));
  for (const at::Tensor& sum : tensors)
    EXPECT_TRUE(at::equal(sum, at::full({2, 1}, 4.5F, at::kFloat)));
}

TEST(rank_group_test, what_is_not_finite_on_one_rank_is_so_on_all) {
  thread_ranks{2}.run([](const rank_group& group) {
    const float mine = group.rank() == 1 ? NAN : 1.0F;
    const at::Tensor sum = group.all_reduce_sum(torch::tensor({mine, 2.0F}));
    EXPECT_TRUE(std::isnan(sum[0].item<float>()));
    EXPECT_EQ(sum[1].item<float>(), 4.0F);
  });
}

TEST(rank_group_test, one_rank_is_enough_for_any) {
  thread_ranks{3}.run([](const rank_group& group) {
    EXPECT_TRUE(group.all_reduce_any(group.rank() == 2));
    EXPECT_FALSE(group.all_reduce_any(false));
  });
}

TEST(rank_group_test, the_first_rank_broadcasts_numbers_and_text_of_any_length) {
  thread_ranks{3}.run([](const rank_group& group) {
    // Every second element: not contiguous.
    const at::Tensor values = at::full({2, 6}, static_cast<double>(group.rank()) + 7.0).slice(1, 0, 6, 2);
    group.broadcast(values);
    EXPECT_TRUE(at::equal(values, at::full({2, 3}, 7.0)));
    std::string text = group.is_first() ? "a longer one" : "short";
    group.broadcast(text);
    EXPECT_EQ(text, "a longer one");
  });
}

TEST(rank_group_test, names_the_first_rank_that_differs) {
  thread_ranks{4}.run([](const rank_group& group) {
    EXPECT_EQ(group.first_that_differs("the same"), std::nullopt);
    EXPECT_EQ(group.first_that_differs(group.rank() >= 2 ? "other" : "the same"), 2);
  });
}

}  // namespace
}  // namespace dvar::training
