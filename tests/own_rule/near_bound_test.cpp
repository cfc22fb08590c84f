#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <dvar/rules/near_bound.hpp>

#include "../toolkit/criteria/criterion_checks.hpp"
#include "../toolkit/criteria/report_checks.hpp"
#include "../toolkit/streams.hpp"

namespace dvar {
namespace {

static_assert(criterion<near_bound>);

/// Returns the message of the `Error` that a call throws; empty if it throws none.
template <class Error, class Call>
std::string refusal_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(near_bound_test, stops_below_a_tenth_above_the_bound) {
  near_bound rule{{.bound = 2.0}};
  EXPECT_EQ(rule.observe(3.0), (verdict{.statistic = 0.5}));
  EXPECT_EQ(rule.observe(2.25), (verdict{.statistic = 0.125}));
  EXPECT_EQ(rule.observe(2.125), (verdict{.stop = true, .rule = "near_bound", .statistic = 0.0625}));
  EXPECT_EQ(rule.reason(), "1.062500 of its bound");
  EXPECT_FALSE(rule.observe(4.0).stop) << "it is not latched";
}

TEST(near_bound_test, has_no_statistic_where_the_loss_is_not_finite) {
  near_bound rule{{.bound = 2.0}};
  for (const double bad :
       {std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    rule.observe(2.0);
    EXPECT_EQ(rule.observe(bad), verdict{});
    EXPECT_EQ(rule.reason(), "no loss");
  }
}

TEST(near_bound_test, refuses_a_bound_out_of_range) {
  EXPECT_EQ(refusal_of<std::invalid_argument>([] { near_bound({.bound = 0.0}); }),
            "near_bound: bound must be finite and above 0, not 0");
}

TEST(near_bound_test, keeps_the_promises_of_a_criterion) {
  test::expect_a_sound_criterion(near_bound{{.bound = 0.1637}}, test::falling_then_flat(40, 0.3, 0.05));
}

TEST(near_bound_test, refuses_a_state_of_another_bound) {
  near_bound rule{{.bound = 2.0}};
  EXPECT_EQ(refusal_of<state_error>([&] { load_state(rule, save_state(near_bound{{.bound = 3.0}})); }),
            "saved state: near_bound's bound is 3 in the saved state and 2 here");
}

TEST(near_bound_test, reports_its_excess) {
  near_bound rule{{.bound = 2.0}};
  test::expect_report(rule, {{"excess", std::nullopt, test::stops_below(0.1)}});
  rule.observe(3.0);
  test::expect_report(rule, {{"excess", 0.5, test::stops_below(0.1)}});
  test::expect_report_as_the_verdict(near_bound{{.bound = 0.1637}}, test::falling_then_flat(40, 0.3, 0.05));
}

TEST(near_bound_test, its_fields_are_its_options) {
  test::expect_fields<near_bound_options>({"bound"});
}

}  // namespace
}  // namespace dvar
