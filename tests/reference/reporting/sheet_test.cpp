#include "reporting/sheet.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

namespace dvar::reporting {
namespace {

at::Tensor plain(int level) {
  return at::full({3, 1, 2}, level, at::kByte);
}

TEST(sheet_test, groups_stand_in_columns_with_gaps) {
  const at::Tensor sheet = comparison_sheet({{.groups = {{plain(1), plain(2)}, {plain(3)}}},  //
                                             {.groups = {{plain(4)}, {plain(5)}}}},
                                            {.padding = 1, .gap = 2});
  const at::Tensor expected = at::tensor({1,   1,   255, 2,   2,   255, 255, 3,   3,    //
                                          255, 255, 255, 255, 255, 255, 255, 255, 255,  //
                                          4,   4,   255, 255, 255, 255, 255, 5,   5},
                                         at::kByte)
                                  .view({3, 9});
  for (int channel = 0; channel < 3; ++channel)
    EXPECT_TRUE(at::equal(sheet[channel], expected)) << sheet[channel];
}

TEST(sheet_test, pixels_become_squares_within_the_margin) {
  at::Tensor picture = plain(1);
  picture.select(2, 1).fill_(2);
  const at::Tensor sheet = comparison_sheet({{.groups = {{picture}}}}, {.scale = 2, .margin = 1});
  const at::Tensor expected = at::tensor({255, 255, 255, 255, 255, 255,  //
                                          255, 1,   1,   2,   2,   255,  //
                                          255, 1,   1,   2,   2,   255,  //
                                          255, 255, 255, 255, 255, 255},
                                         at::kByte)
                                  .view({4, 6});
  EXPECT_TRUE(at::equal(sheet[0], expected)) << sheet[0];
}

TEST(sheet_test, a_group_without_pictures_takes_no_room) {
  EXPECT_EQ(comparison_sheet({{.groups = {{}, {plain(1)}, {}, {plain(2)}}}}, {.gap = 3}).size(2), 2 + 3 + 2);
}

TEST(sheet_test, misuse_is_refused) {
  EXPECT_THROW(comparison_sheet({}), std::invalid_argument);
  EXPECT_THROW(comparison_sheet({{.groups = {{}}}}), std::invalid_argument);
  EXPECT_THROW(comparison_sheet({{.groups = {{plain(1)}}}, {.groups = {}}}), std::invalid_argument);
  EXPECT_THROW(comparison_sheet({{.groups = {{plain(1), at::zeros({3, 2, 2}, at::kByte)}}}}),
               std::invalid_argument);
  EXPECT_THROW(comparison_sheet({{.groups = {{at::zeros({3, 1, 2})}}}}), std::invalid_argument);
  EXPECT_THROW(comparison_sheet({{.groups = {{plain(1)}}}}, {.scale = 0}), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::reporting
