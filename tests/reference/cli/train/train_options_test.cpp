#include "cli/train/train_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dvar::cli {
namespace {

TEST(train_options_test, have_a_row_each_with_a_name_of_its_own) {
  train_options options;
  given_options names;
  for (const option_row& row : rows_of(options)) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    for (const std::string& alias : row.aliases)
      EXPECT_TRUE(names.insert(alias).second) << alias;
    EXPECT_FALSE(row.help.empty()) << row.name;
    EXPECT_FALSE(row.help.ends_with('.')) << row.name;
  }
}

// Two rows that write into one member would be a slip of the pen.
TEST(train_options_test, go_to_members_of_their_own) {
  train_options options;
  std::set<const void*> members;
  for (const option_row& row : rows_of(options)) {
    const void* member = std::visit([](const auto* value) -> const void* { return value; }, row.value);
    EXPECT_TRUE(members.insert(member).second) << row.name;
  }
}

TEST(train_options_test, begin_with_what_their_rows_accept) {
  train_options options;
  EXPECT_NO_THROW(check_values(rows_of(options), {}));
}

TEST(train_options_test, keep_the_other_spelling_as_an_alias) {
  train_options options;
  const option_rows rows = rows_of(options);
  EXPECT_EQ(find_row(rows, "optimiser")->name, "optimizer");
  EXPECT_EQ(find_row(rows, "centre-crop")->name, "center-crop");
}

TEST(train_options_test, leave_to_a_sweep_what_it_says_itself) {
  train_options options;
  std::vector<std::string> names;
  for (const option_row& row : rows_of(options))
    if (row.given_by_sweep) names.push_back(row.name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("images", "output", "resume", "overwrite", "dry-run",
                                                   "json", "quiet"));
}

}  // namespace
}  // namespace dvar::cli
