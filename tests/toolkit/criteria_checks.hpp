#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include <dvar/criteria/criterion.hpp>
#include <dvar/state.hpp>

#include "allocations.hpp"
#include "streams.hpp"

namespace dvar::test {

/// A loss like a probe's: it falls, then flattens.
inline std::vector<double> falling_then_flat(std::size_t length, double pace, double noise) {
  std::vector<double> values = white_noise(length);
  for (std::size_t i = 0; i < length; ++i)
    values[i] = 0.18 + 1e-3 * (std::exp(-pace * static_cast<double>(i)) + noise * values[i]);
  return values;
}

/// The observation (from 1) at which a rule stops; 0 when it does not.
template <criterion Rule>
std::size_t stop_of(Rule rule, std::span<const double> values) {
  for (std::size_t n = 1; n <= values.size(); ++n)
    if (rule.observe(values[n - 1]).stop) return n;
  return 0;
}

template <criterion Rule>
void expect_reset_equals_fresh(const Rule& fresh) {
  for (const std::size_t seen : {1, 40, 501}) {
    Rule rule = fresh;
    for (const double value : white_noise(seen))
      rule.observe(value);
    EXPECT_NE(save_state(rule), save_state(fresh));
    rule.reset();
    EXPECT_EQ(save_state(rule), save_state(fresh));
    EXPECT_EQ(rule.latest(), fresh.latest());
  }
}

template <criterion Rule>
void expect_a_loaded_state_to_continue(const Rule& fresh) {
  const auto values = falling_then_flat(300, 0.03, 0.05);
  for (std::size_t cut = 0; cut < 200; cut += 3) {
    Rule rule = fresh;
    for (std::size_t i = 0; i < cut; ++i)
      rule.observe(values[i]);
    Rule loaded = fresh;
    load_state(loaded, save_state(rule));
    EXPECT_EQ(loaded.latest(), rule.latest());
    for (std::size_t i = cut; i < values.size(); ++i)
      ASSERT_EQ(loaded.observe(values[i]), rule.observe(values[i])) << cut << ", " << i;
    EXPECT_EQ(save_state(loaded), save_state(rule));
    EXPECT_EQ(loaded.reason(), rule.reason());
  }
}

/// `rule` is to have a statistic by the end of 1000 observations.
template <criterion Rule>
void expect_no_allocation(Rule rule) {
  const auto values = falling_then_flat(1000, 0.01, 0.05);
  std::size_t statistics = 0;
  const auto before = allocations();
  for (const double value : values)
    statistics += rule.observe(value).statistic ? 1 : 0;
  rule.reset();
  EXPECT_EQ(allocations(), before);
  EXPECT_GT(statistics, 0U);
}

}  // namespace dvar::test
