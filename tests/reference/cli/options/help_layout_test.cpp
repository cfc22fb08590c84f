#include "cli/options/help_layout.hpp"

#include <gtest/gtest.h>

namespace dvar::cli {
namespace {

TEST(help_layout_test, breaks_at_the_last_space_that_fits) {
  EXPECT_EQ(wrapped("one two three", 13, 2), "one two three");
  EXPECT_EQ(wrapped("one two three", 12, 2), "one two\n  three");
  EXPECT_EQ(wrapped("one two three", 7, 2), "one two\n  three");
  EXPECT_EQ(wrapped("one two three", 6, 2), "one\n  two\n  three");
}

TEST(help_layout_test, goes_on_in_the_column_of_the_meaning) {
  EXPECT_EQ(wrapped("  --a TEXT  Some words", 17, 12), "  --a TEXT  Some\n            words");
  // Spaces before the meaning are no place to break a line.
  EXPECT_EQ(wrapped("  --a TEXT  Unbreakable words", 17, 12), "  --a TEXT  Unbreakable\n            words");
}

TEST(help_layout_test, leaves_a_word_whole_and_ends_no_line_with_spaces) {
  EXPECT_EQ(wrapped("unbreakable", 4, 0), "unbreakable");
  EXPECT_EQ(wrapped("a unbreakable b", 4, 0), "a\nunbreakable\nb");
  EXPECT_EQ(wrapped("one two ", 7, 0), "one two");
  EXPECT_EQ(wrapped("", 7, 0), "");
}

TEST(help_layout_test, keeps_the_lines_that_there_are) {
  EXPECT_EQ(wrapped("one\n\ntwo three\n", 8, 1), "one\n\ntwo\n three\n");
}

}  // namespace
}  // namespace dvar::cli
