#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <dvar/combinators/agreed.hpp>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/variance_ratio.hpp>

namespace dvar {
namespace {

/// What the other ranks say.
struct others {
  double* theirs;
  double operator()(double mine) const { return std::fmax(mine, *theirs); }
};

TEST(agreed_test, one_rank_that_stops_stops_all) {
  double theirs = 0.0;
  agreed rule{others{&theirs}, non_finite{}};
  EXPECT_EQ(rule.observe(1.0), verdict{});
  EXPECT_EQ(rule.reason(), "the ranks go on; this one: observation 1 is finite");
  theirs = 1.0;
  EXPECT_EQ(rule.observe(1.0), (verdict{.stop = true, .rule = "agreed"}));
  EXPECT_EQ(rule.reason(), "the ranks stop; this one: observation 2 is finite");
  theirs = 0.0;
  EXPECT_EQ(rule.observe(std::nan("")), (verdict{.stop = true, .rule = "non_finite"}));
}

TEST(agreed_test, a_rank_that_warms_up_stops_with_the_others) {
  double theirs = 1.0;
  agreed rule{others{&theirs}, variance_ratio{}};
  EXPECT_EQ(rule.observe(1.0), (verdict{.stop = true, .rule = "agreed"}));
  theirs = 0.0;
  EXPECT_EQ(rule.observe(1.0), verdict{.warming_up = true});
}

TEST(agreed_test, a_rank_that_is_alone_goes_on_where_all_must_stop) {
  agreed rule{[](double mine) { return std::fmin(mine, 0.0); }, step_limit{1}};
  const verdict v = rule.observe(0.0, 1);
  EXPECT_FALSE(v.stop);
  EXPECT_EQ(v.rule, "");
}

TEST(agreed_test, half_of_the_ranks_are_enough_for_the_mean) {
  for (const double of_four : {1.0, 2.0, 3.0}) {
    agreed rule{[=](double mine) { return (mine + of_four - 1.0) / 4.0; }, step_limit{1}};
    EXPECT_EQ(rule.observe(0.0).stop, of_four >= 2.0) << of_four;
  }
}

TEST(agreed_test, a_loaded_state_says_what_the_ranks_said) {
  double theirs = 1.0;
  const agreed fresh{others{&theirs}, variance_ratio{{.window = 2}}};
  auto rule = fresh;
  rule.observe(1.0);
  auto loaded = fresh;
  load_state(loaded, save_state(rule));
  EXPECT_EQ(loaded.latest(), (verdict{.stop = true, .rule = "agreed"}));
  EXPECT_EQ(loaded.reason(), rule.reason());
}

}  // namespace
}  // namespace dvar
