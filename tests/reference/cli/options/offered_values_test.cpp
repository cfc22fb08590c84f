#include "cli/options/offered_values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dvar::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(offered_values_test, are_choices_and_words) {
  std::string optimizer;
  const offered_values offered = offered_by({.name = "optimizer",
                                             .value = &optimizer,
                                             .help = "",
                                             .accepts = choices{{"adamw"}, {"sgd", "plain"}},
                                             .offers = {"other:"}});
  EXPECT_THAT(offered.words, ElementsAre("other:", "adamw", "sgd"));
  EXPECT_EQ(offered.paths, offered_paths::none);
}

TEST(offered_values_test, are_paths_where_the_value_is_one) {
  std::filesystem::path file;
  std::vector<std::filesystem::path> files;
  std::string text;
  EXPECT_EQ(offered_by({.name = "file", .value = &file, .help = ""}).paths, offered_paths::files);
  EXPECT_EQ(offered_by({.name = "files", .value = &files, .help = ""}).paths, offered_paths::files);
  EXPECT_EQ(offered_by({.name = "text", .value = &text, .help = ""}).paths, offered_paths::none);
  EXPECT_THAT(offered_by({.name = "text", .value = &text, .help = ""}).words, IsEmpty());
}

TEST(offered_values_test, are_the_paths_that_the_row_says) {
  std::filesystem::path folder;
  std::string model;
  EXPECT_EQ(
      offered_by({.name = "output", .value = &folder, .help = "", .paths = offered_paths::folders}).paths,
      offered_paths::folders);
  EXPECT_EQ(offered_by({.name = "model", .value = &model, .help = "", .paths = offered_paths::files}).paths,
            offered_paths::files);
}

TEST(offered_values_test, repeat_where_there_may_be_several) {
  std::vector<std::string> several;
  std::string one;
  EXPECT_TRUE(is_repeatable({.name = "several", .value = &several, .help = ""}));
  EXPECT_FALSE(is_repeatable({.name = "one", .value = &one, .help = ""}));
}

}  // namespace
}  // namespace dvar::cli
