#include <algorithm>
#include <cstddef>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/combinators/after.hpp>
#include <dvar/combinators/all_of.hpp>
#include <dvar/combinators/any_of.hpp>
#include <dvar/combinators/consecutive.hpp>
#include <dvar/combinators/despiked.hpp>
#include <dvar/combinators/every.hpp>
#include <dvar/combinators/latched.hpp>
#include <dvar/criteria/any_criterion.hpp>
#include <dvar/criteria/report.hpp>
#include <dvar/rules/clip_s.hpp>
#include <dvar/rules/generalization_loss.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/step_limit.hpp>
#include <dvar/rules/variance_ratio.hpp>

#include "criterion_checks.hpp"

namespace dvar {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const variance_ratio ratio{{.window = 12, .threshold = 0.6}};
const patience waiting{direction::minimize, {.patience = 4}};
const clip_s score{presets::clip_s_v2};

template <criterion Rule>
std::vector<std::string> names_of(const Rule& rule) {
  return record_names(reported_values(rule));
}

TEST(stop_bound_test, has_words_for_every_comparison) {
  using enum stop_bound::comparison;
  EXPECT_EQ(to_text({less, 0.15}), "below 0.15");
  EXPECT_EQ(to_text({less_equal, 0.15}), "at 0.15 or below");
  EXPECT_EQ(to_text({greater, 2.0}), "above 2");
  EXPECT_EQ(to_text({greater_equal, 10.0}), "at 10 or above");
}

TEST(report_visitor_test, takes_what_the_rule_reports_in_its_order) {
  std::vector<std::string> taken;
  auto take = [&taken](const reported_value& each) {
    taken.push_back(std::string(each.rule) + "/" + std::string(each.name));
  };
  any_of{waiting, ratio}.report(report_visitor(take));
  EXPECT_THAT(taken, ElementsAre("patience/best", "patience/wait", "variance_ratio/rolling_variance",
                                 "variance_ratio/total_variance", "variance_ratio/ratio"));
}

TEST(record_names_test, are_plain_where_no_other_number_has_them) {
  EXPECT_THAT(record_names({}), IsEmpty());
  EXPECT_THAT(names_of(step_limit{3}), IsEmpty());
  EXPECT_THAT(names_of(ratio), ElementsAre("rolling_variance", "total_variance", "ratio"));
  EXPECT_THAT(names_of(any_of{waiting, step_limit{3}, ratio}),
              ElementsAre("best", "wait", "rolling_variance", "total_variance", "ratio"));
}

TEST(record_names_test, begin_with_the_rule_where_rules_share_them) {
  EXPECT_THAT(names_of(any_of{waiting, score}),
              ElementsAre("patience/best", "patience/wait", "clip_s/best", "clip_s/wait"));
  // Only the name that they share.
  EXPECT_THAT(names_of(any_of{waiting, generalization_loss{direction::minimize}}),
              ElementsAre("patience/best", "wait", "generalization_loss/best", "generalization_loss"));
}

TEST(record_names_test, count_the_rules_of_one_kind) {
  EXPECT_THAT(names_of(all_of{ratio, variance_ratio{presets::v2}}),
              ElementsAre("variance_ratio_1/rolling_variance", "variance_ratio_1/total_variance",
                          "variance_ratio_1/ratio", "variance_ratio_2/rolling_variance",
                          "variance_ratio_2/total_variance", "variance_ratio_2/ratio"));
  EXPECT_THAT(names_of(any_of{waiting, score, waiting}),
              ElementsAre("patience_1/best", "patience_1/wait", "clip_s/best", "clip_s/wait",
                          "patience_2/best", "patience_2/wait"));
}

TEST(record_names_test, are_no_two_the_same) {
  const any_of rules{waiting, score, waiting, ratio, ratio, generalization_loss{direction::minimize}};
  std::vector<std::string> names = names_of(rules);
  EXPECT_EQ(names.size(), 14U);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
}

/// Puts a rule into each of the combinators, and into the box for any rule.
struct into_after {
  template <class Rule>
  after<Rule> operator()(Rule rule) const {
    return {5, std::move(rule)};
  }
};
struct into_despiked {
  template <class Rule>
  despiked<Rule> operator()(Rule rule) const {
    return {3, std::move(rule)};
  }
};
struct into_every {
  template <class Rule>
  every<Rule> operator()(Rule rule) const {
    return {2, std::move(rule)};
  }
};
struct into_consecutive {
  template <class Rule>
  consecutive<Rule> operator()(Rule rule) const {
    return {2, std::move(rule)};
  }
};
struct into_latched {
  template <class Rule>
  latched<Rule> operator()(Rule rule) const {
    return latched<Rule>{std::move(rule)};
  }
};
struct into_any_of {
  template <class Rule>
  auto operator()(Rule rule) const {
    return any_of<step_limit, Rule>{step_limit{1000}, std::move(rule)};
  }
};
struct into_all_of {
  template <class Rule>
  auto operator()(Rule rule) const {
    return all_of<std::vector<Rule>>{{std::move(rule)}};
  }
};
struct into_any_criterion {
  template <class Rule>
  any_criterion operator()(Rule rule) const {
    return rule;
  }
};

constexpr std::tuple<into_after, into_despiked, into_every, into_consecutive, into_latched, into_any_of,
                     into_all_of, into_any_criterion>
    all_nestings;

/// Calls `use` with every nesting.
template <class Use>
void for_each_nesting(Use use) {
  std::apply([&](const auto&... nesting) { (use(nesting), ...); }, all_nestings);
}

/// Whether the rule's numbers have these names at every observation.
template <criterion Rule, class Names>
void expect_names(Rule rule, const Names& names) {
  ASSERT_THAT(names_of(rule), names);
  for (const double value : test::eventful_values()) {
    rule.observe(value);
    ASSERT_THAT(names_of(rule), names);
  }
}

TEST(record_names_test, come_through_every_nesting_of_two) {
  for_each_nesting([](const auto& outer) {
    for_each_nesting([&](const auto& inner) {
      expect_names(outer(inner(ratio)), ElementsAre("rolling_variance", "total_variance", "ratio"));
      expect_names(any_of{outer(inner(waiting)), score, inner(waiting)},
                   ElementsAre("patience_1/best", "patience_1/wait", "clip_s/best", "clip_s/wait",
                               "patience_2/best", "patience_2/wait"));
    });
  });
}

TEST(record_names_test, come_through_every_nesting_of_three_that_is_chosen_while_the_program_runs) {
  for_each_nesting([](const auto& outer) {
    for_each_nesting([&](const auto& middle) {
      for_each_nesting([&](const auto& inner) {
        const any_criterion nested = outer(any_criterion{middle(any_criterion{inner(any_criterion{ratio})})});
        EXPECT_THAT(names_of(all_of{waiting, nested, any_criterion{ratio}}),
                    ElementsAre("best", "wait", "variance_ratio_1/rolling_variance",
                                "variance_ratio_1/total_variance", "variance_ratio_1/ratio",
                                "variance_ratio_2/rolling_variance", "variance_ratio_2/total_variance",
                                "variance_ratio_2/ratio"));
      });
    });
  });
}

TEST(record_names_test, the_numbers_behind_them_are_those_of_the_members) {
  const auto expect_the_same = [](auto nested) {
    variance_ratio plain = ratio;
    std::size_t defined = 0;
    for (const double value : test::eventful_values()) {
      nested.observe(value);
      plain.observe(value);
      ASSERT_EQ(test::report_of(nested), test::report_of(plain));
      defined += plain.ratio() ? 1 : 0;
    }
    EXPECT_GT(defined, 100U);
  };
  // `despiked` and `every` show their members other observations, `latched` none after the stop.
  expect_the_same(into_after{}(into_any_of{}(ratio)));
  expect_the_same(into_consecutive{}(into_all_of{}(into_any_criterion{}(ratio))));
  expect_the_same(into_any_criterion{}(into_after{}(into_consecutive{}(ratio))));
}

}  // namespace
}  // namespace dvar
