#include "evaluation/similarity.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace dvar::evaluation {
namespace {

TEST(unit_rows_test, have_length_one_in_fp32) {
  const at::Tensor rows = unit_rows(torch::tensor({{3.0, 4.0}, {0.0, -2.0}}).to(at::kDouble));
  EXPECT_EQ(rows.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::allclose(rows, torch::tensor({{0.6F, 0.8F}, {0.0F, -1.0F}})));
}

TEST(mean_similarity_test, is_over_all_pairs) {
  const at::Tensor first = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
  const at::Tensor second = torch::tensor({{1.0F, 0.0F}, {-1.0F, 0.0F}, {0.6F, 0.8F}});
  // (1 - 1 + 0.6 + 0 + 0 + 0.8) / 6
  EXPECT_NEAR(mean_similarity(first, second), 1.4 / 6, 1e-7);
  EXPECT_NEAR(mean_similarity(second, first), 1.4 / 6, 1e-7);
}

TEST(diversity_test, is_over_all_pairs_of_different_rows) {
  const at::Tensor rows = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}, {-1.0F, 0.0F}});
  // 1 - cosine of the three pairs: 1, 2, 1
  EXPECT_NEAR(diversity(rows).value(), 4.0 / 3.0, 1e-12);
  EXPECT_NEAR(diversity(rows.flip(0)).value(), 4.0 / 3.0, 1e-12);
}

TEST(diversity_test, is_zero_of_equal_rows_and_undefined_of_one) {
  const at::Tensor rows = unit_rows(torch::rand({1, 7}));
  EXPECT_EQ(diversity(rows.expand({3, 7})), 0.0);
  EXPECT_EQ(diversity(rows), std::nullopt);
}

TEST(diversity_test, keeps_its_digits_where_rows_are_nearly_equal) {
  const double angle = 1e-3;
  const at::Tensor rows = torch::tensor(
      {{1.0F, 0.0F}, {static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle))}});
  EXPECT_NEAR(diversity(rows).value() / (1.0 - std::cos(angle)), 1.0, 1e-3);
}

}  // namespace
}  // namespace dvar::evaluation
