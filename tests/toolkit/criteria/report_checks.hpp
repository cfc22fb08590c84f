#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include <dvar/criteria/report.hpp>
#include <dvar/criteria/verdict.hpp>
#include <dvar/options/field.hpp>

namespace dvar::test {

/// Where a rule stops: at numbers below, above, or from `bound` on.
constexpr stop_bound stops_below(double bound) {
  return {stop_bound::comparison::less, bound};
}
constexpr stop_bound stops_above(double bound) {
  return {stop_bound::comparison::greater, bound};
}
constexpr stop_bound stops_from(double bound) {
  return {stop_bound::comparison::greater_equal, bound};
}

/// One of the numbers that a rule reports, but for the rule's name.
struct number {
  std::string_view name;
  std::optional<double> value{};
  std::optional<stop_bound> stops{};
};

/// Whether the rule reports these numbers, under its own name.
template <class Rule>
void expect_report(const Rule& rule, std::initializer_list<number> expected) {
  const std::vector<reported_value> found = reported_values(rule);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const number& each = expected.begin()[i];
    EXPECT_EQ(found[i].rule, Rule::name);
    EXPECT_EQ(found[i].name, each.name);
    EXPECT_EQ(found[i].value, each.value) << each.name;
    EXPECT_EQ(found[i].stops, each.stops) << each.name;
  }
}

inline bool is_met(const stop_bound& stops, double value) {
  switch (stops.compared) {
    case stop_bound::comparison::less:
      return value < stops.bound;
    case stop_bound::comparison::less_equal:
      return value <= stops.bound;
    case stop_bound::comparison::greater:
      return value > stops.bound;
    case stop_bound::comparison::greater_equal:
      return value >= stops.bound;
  }
  return false;
}

/// Whether the rule reports the same names after every observation, among them its statistic or the absolute value of
/// it, with a bound; and whether it stops just where that is met. It is to stop at some of the observations.
template <class Rule, class Observations>
void expect_report_as_the_verdict(Rule rule, const Observations& observations) {
  const auto names = record_names(reported_values(rule));
  std::size_t stops = 0;
  for (const auto& observation : observations) {
    const verdict v = rule.observe(observation);
    const auto report = reported_values(rule);
    ASSERT_EQ(record_names(report), names);
    const auto judged =
        std::find_if(report.begin(), report.end(), [](const reported_value& each) { return each.stops; });
    ASSERT_NE(judged, report.end());
    ASSERT_EQ(judged->value.has_value(), v.statistic.has_value());
    ASSERT_EQ(std::abs(judged->value.value_or(0.0)), std::abs(v.statistic.value_or(0.0)));
    ASSERT_EQ(v.stop, judged->value && is_met(*judged->stops, *judged->value));
    stops += v.stop ? 1 : 0;
  }
  EXPECT_GT(stops, 0U);
}

/// Something for any member.
struct anything {
  template <class Value>
  operator Value() const;  // NOLINT: implicit, so that it is anything
};

/// How many members a struct has.
template <class Struct, class... Members>
constexpr std::size_t member_count() {
  if constexpr (requires { Struct{Members{}..., anything{}}; })
    return member_count<Struct, Members..., anything>();
  else
    return sizeof...(Members);
}

/// Whether the fields of the options have these names and name every member once.
template <described_options Options>
void expect_fields(std::initializer_list<std::string_view> names) {
  const Options options{};
  std::vector<std::string_view> found;
  std::set<const void*> members;
  for_each_field<Options>([&](const auto& each) {
    found.push_back(each.name);
    members.insert(&(options.*each.member));
    EXPECT_FALSE(each.sentence.empty()) << each.name;
    EXPECT_FALSE(each.sentence.ends_with('.')) << each.name;
  });
  EXPECT_EQ(found, std::vector(names));
  EXPECT_EQ(members.size(), found.size());
  EXPECT_EQ(member_count<Options>(), found.size());
}

/// All numbers that the rule reports, to be compared.
template <class Rule>
auto report_of(const Rule& rule) {
  std::vector<
      std::tuple<std::string_view, std::string_view, std::optional<double>, std::optional<stop_bound>>>
      all;
  for_each_reported(rule, [&all](const reported_value& each) {
    all.emplace_back(each.rule, each.name, each.value, each.stops);
  });
  return all;
}

}  // namespace dvar::test
