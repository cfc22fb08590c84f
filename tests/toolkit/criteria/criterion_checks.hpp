#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include <dvar/criteria/criterion.hpp>
#include <dvar/state.hpp>

#include "../allocations.hpp"
#include "report_checks.hpp"

namespace dvar::test {

/// The observation (from 1) at which the rule stops; 0 when it does not.
template <criterion C>
std::size_t stop_of(C rule, std::span<const double> values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (rule.observe(values[i]).stop) return i + 1;
  return 0;
}

/// Values that go down, up and nowhere, many of them equal, with a NaN and both infinities at the end.
inline std::vector<double> eventful_values(unsigned seed = 1) {
  std::mt19937_64 engine{seed};
  std::normal_distribution<double> normal;
  std::vector<double> values;
  double level = 8.0;
  for (int i = 0; i < 120; ++i) {
    level = std::abs(level + (i % 40 < 20 ? -0.15 : 0.1));
    values.push_back(std::round(16.0 * (level + 0.3 * normal(engine))) / 16.0);
  }
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double value : {std::nan(""), 3.0, infinity, 3.0, 2.0, -infinity, 2.0, 2.0, 2.0, 2.0})
    values.push_back(value);
  return values;
}

/// Whether the saved state, loaded into a new object at any observation, continues bit for bit.
template <criterion C>
void expect_exact_state(const C& fresh, std::span<const double> values) {
  for (std::size_t cut = 0; cut <= values.size(); ++cut) {
    C rule = fresh;
    for (const double value : values.first(cut))
      rule.observe(value);
    C loaded = fresh;
    load_state(loaded, save_state(rule));
    ASSERT_EQ(save_state(loaded), save_state(rule)) << "cut " << cut;
    ASSERT_EQ(loaded.latest(), rule.latest()) << "cut " << cut;
    ASSERT_EQ(loaded.reason(), rule.reason()) << "cut " << cut;
    ASSERT_EQ(report_of(loaded), report_of(rule)) << "cut " << cut;
    for (const double value : values.subspan(cut))
      ASSERT_EQ(loaded.observe(value), rule.observe(value)) << "cut " << cut;
    ASSERT_EQ(save_state(loaded), save_state(rule)) << "cut " << cut;
  }
}

/// Whether `reset` at any observation leaves nothing, neither in the state nor in what follows.
template <criterion C>
void expect_reset_equals_fresh(const C& fresh, std::span<const double> values) {
  C rule = fresh;
  for (std::size_t length = 1; length <= values.size(); ++length) {
    for (const double value : values.first(length))
      rule.observe(value);
    ASSERT_NE(save_state(rule), save_state(fresh)) << "length " << length;
    rule.reset();
    ASSERT_EQ(save_state(rule), save_state(fresh)) << "length " << length;
    ASSERT_EQ(rule.latest(), fresh.latest()) << "length " << length;
    ASSERT_EQ(rule.reason(), fresh.reason()) << "length " << length;
    ASSERT_EQ(report_of(rule), report_of(fresh)) << "length " << length;
  }
  C again = fresh;
  for (const double value : values)
    ASSERT_EQ(rule.observe(value), again.observe(value));
}

template <criterion C>
void expect_no_allocation(C rule, std::span<const double> values) {
  std::size_t stops = 0;
  std::size_t stops_again = 0;
  const auto before = allocations();
  for (const double value : values) {
    stops += rule.observe(value).stop ? 1 : 0;
    stops_again += rule.latest().stop ? 1 : 0;
  }
  EXPECT_EQ(allocations(), before);
  EXPECT_EQ(stops, stops_again);
}

/// All of the above.
template <criterion C>
void expect_a_sound_criterion(const C& fresh, std::span<const double> values) {
  expect_exact_state(fresh, values);
  expect_reset_equals_fresh(fresh, values);
  expect_no_allocation(fresh, values);
}

}  // namespace dvar::test
