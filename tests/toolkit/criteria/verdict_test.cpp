#include <sstream>

#include <gtest/gtest.h>

#include <dvar/criteria/verdict.hpp>

namespace dvar {
namespace {

TEST(verdict_test, says_itself_in_a_few_words) {
  EXPECT_EQ(to_text(verdict{}), "go on");
  EXPECT_EQ(to_text(verdict{.statistic = 0.31}), "go on at 0.31");
  EXPECT_EQ(to_text(verdict{.warming_up = true}), "warming up");
  EXPECT_EQ(to_text(verdict{.stop = true, .rule = "non_finite"}), "stop by non_finite");
  EXPECT_EQ(to_text(verdict{.stop = true, .rule = "variance_ratio", .statistic = 1.0 / 7.0}),
            "stop by variance_ratio at 0.142857");
}

TEST(verdict_test, goes_to_a_stream) {
  std::ostringstream out;
  out << verdict{.warming_up = true};
  EXPECT_EQ(out.str(), "warming up");
}

}  // namespace
}  // namespace dvar
