#include <vector>

#include <gtest/gtest.h>

#include <dvar/combinators/any_of.hpp>
#include <dvar/combinators/reduced.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/variance_ratio.hpp>

#include "../streams.hpp"

namespace dvar {
namespace {

TEST(reduced_test, its_member_sees_what_the_ranks_have_in_common) {
  const auto mine = test::white_noise(200);
  const auto reduce = [offset = 2.0](double value) { return 0.5 * (value + offset); };
  reduced rule{reduce, any_of{variance_ratio{{.window = 20}}, step_limit{150}}};
  any_of same{variance_ratio{{.window = 20}}, step_limit{150}};
  for (std::size_t step = 1; step <= mine.size(); ++step)
    ASSERT_EQ(rule.observe(mine[step - 1], step), same.observe(reduce(mine[step - 1]), step));
  EXPECT_EQ(rule.reason(), same.reason());
  rule.reset();
  same.reset();
  EXPECT_EQ(rule.observe(1.0), same.observe(reduce(1.0)));
  EXPECT_EQ(rule.latest(), same.latest());
}

}  // namespace
}  // namespace dvar
