#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/movement.hpp>

#include "../allocations.hpp"
#include "../criteria/report_checks.hpp"
#include "../streams.hpp"
#include "../vectors.hpp"

namespace dvar {
namespace {

using testing::ThrowsMessage;

TEST(movement_test, its_variance_agrees_with_two_passes_in_long_double) {
  const auto streams = test::streams(500);
  for (const std::size_t window : {2, 3, 10, 64}) {
    for (const auto& [name, values] : streams) {
      movement rule{{.dimension = 3, .window = window}};
      std::vector<std::vector<double>> components(3);
      for (std::size_t n = 1; n <= values.size(); ++n) {
        // The stream itself, backwards and shifted.
        const double x[] = {values[n - 1], values[values.size() - n], 1e6 + values[n - 1]};
        rule.observe(std::span(x));
        for (std::size_t d = 0; d < 3; ++d)
          components[d].push_back(x[d]);
        ASSERT_EQ(rule.variance().has_value(), n >= window) << name << ", " << n;
        if (n >= window) {
          long double expected = 0;
          for (const auto& component : components) {
            const auto last = std::span<const double>(component).last(window);
            expected += test::two_pass_variance(last);
          }
          ASSERT_LT(test::relative_error(*rule.variance(), expected), 1e-11)
              << name << ", " << window << ", " << n;
        }
      }
    }
  }
}

TEST(movement_test, stops_when_the_movement_has_not_been_lower_for_a_while) {
  const auto vectors = test::random_vectors(3000, 8, /*pace=*/0.02, /*noise=*/1e-3);
  movement rule{{.dimension = 8, .window = 20, .patience = 100}};
  double lowest = std::numeric_limits<double>::infinity();
  int since = 0;
  std::size_t n = 0;
  for (verdict v; !v.stop && n < vectors.size();) {
    v = rule.observe(vectors[n++]);
    if (n >= 20) {
      const double now = rule.variance().value();
      since = now < lowest ? 0 : since + 1;
      lowest = std::min(lowest, now);
      ASSERT_EQ(v.statistic, since) << n;
      ASSERT_EQ(v.stop, since >= 100) << n;
    }
  }
  // exp(-0.02 i) moves less than the noise in 20 steps from i = 275 on or so.
  EXPECT_GT(n, 275U);
  EXPECT_LT(n, 3000U);
  EXPECT_EQ(rule.latest().rule, "movement");
}

TEST(movement_test, a_vector_at_rest_has_movement_0) {
  movement rule{{.dimension = 2, .window = 5, .patience = 3}};
  for (int n = 1; n <= 10; ++n) {
    const verdict v = rule.observe(std::vector{1e9 + 0.1, 0.3});
    EXPECT_EQ(v.warming_up, n < 5);
    EXPECT_EQ(v.stop, n >= 8) << n;
    EXPECT_EQ(rule.variance() == 0.0, n >= 5);
  }
}

TEST(movement_test, recovers_when_a_bad_vector_has_left) {
  const auto vectors = test::random_vectors(60, 2);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), 1e200}) {
    for (std::size_t where = 0; where < 25; ++where) {
      movement rule{{.dimension = 2, .window = 7}};
      std::vector<double> first;
      std::vector<double> second;
      for (std::size_t i = 0; i < vectors.size(); ++i) {
        const std::vector<double> x{i == where ? bad : vectors[i][0], vectors[i][1]};
        first.push_back(x[0]);
        second.push_back(x[1]);
        const verdict v = rule.observe(x);
        const bool inside = where <= i && where + 7 > i;
        ASSERT_EQ(v.statistic.has_value(), i >= 6 && !inside) << where << ", " << i;
        if (v.statistic) {
          const auto expected = test::two_pass_variance(std::span<const double>(first).last(7)) +
                                test::two_pass_variance(std::span<const double>(second).last(7));
          ASSERT_LT(test::relative_error(rule.variance().value(), expected), 1e-12) << where << ", " << i;
        }
      }
    }
  }
}

TEST(movement_test, says_why) {
  movement rule{{.dimension = 1, .window = 2, .patience = 1}};
  rule.observe(std::vector{1.0});
  EXPECT_EQ(rule.reason(), "warming up: fewer than 2 vectors");
  rule.observe(std::vector{3.0});
  EXPECT_EQ(rule.reason(), "the movement was lowest, 1, 0 vectors ago; 1 stop");
  EXPECT_EQ(rule.observe(std::vector{7.0}), (verdict{.stop = true, .rule = "movement", .statistic = 1.0}));
  EXPECT_EQ(rule.reason(), "the movement was lowest, 1, 1 vectors ago; 1 stop");
  rule.observe(std::vector{std::nan("")});
  EXPECT_EQ(rule.reason(), "the movement over the last 2 vectors is undefined: they are not finite");
}

TEST(movement_test, reset_equals_fresh_and_a_loaded_state_continues_bit_for_bit) {
  const movement fresh{{.dimension = 3, .window = 11, .patience = 20}};
  const auto vectors = test::random_vectors(120, 3, 0.1, 1e-3);
  for (std::size_t cut = 0; cut < 80; ++cut) {
    movement rule = fresh;
    for (std::size_t i = 0; i < cut; ++i)
      rule.observe(vectors[i]);
    movement loaded = fresh;
    load_state(loaded, save_state(rule));
    EXPECT_EQ(test::report_of(loaded), test::report_of(rule)) << cut;
    for (std::size_t i = cut; i < vectors.size(); ++i) {
      ASSERT_EQ(loaded.observe(vectors[i]), rule.observe(vectors[i])) << cut << ", " << i;
      ASSERT_EQ(loaded.variance(), rule.variance());
    }
    EXPECT_EQ(save_state(loaded), save_state(rule));
    rule.reset();
    EXPECT_EQ(save_state(rule), save_state(fresh));
  }
}

TEST(movement_test, observes_without_allocating) {
  movement rule{{.dimension = 8, .window = 20, .patience = 5}};
  const auto vectors = test::random_vectors(100, 8);
  int stops = 0;
  const auto before = test::allocations();
  for (const auto& vector : vectors)
    stops += rule.observe(vector).stop ? 1 : 0;
  EXPECT_EQ(test::allocations(), before);
  EXPECT_GT(stops, 0);
}

TEST(movement_test, refuses_a_state_of_other_options_and_options_out_of_range) {
  movement rule{{.dimension = 3, .window = 11, .patience = 20}};
  const auto load = [&](const movement_options& other) {
    return [&rule, other] { load_state(rule, save_state(movement{other})); };
  };
  EXPECT_THAT(
      load({.dimension = 4, .window = 11, .patience = 20}),
      ThrowsMessage<state_error>("saved state: movement's dimension is 4 in the saved state and 3 here"));
  EXPECT_THAT(
      load({.dimension = 3, .window = 12, .patience = 20}),
      ThrowsMessage<state_error>("saved state: movement's window is 12 in the saved state and 11 here"));
  EXPECT_THAT(
      load({.dimension = 3, .window = 11, .patience = 21}),
      ThrowsMessage<state_error>("saved state: movement's patience is 21 in the saved state and 20 here"));
  EXPECT_THAT([] { movement none{movement_options{}}; },
              ThrowsMessage<std::invalid_argument>("movement: dimension must be at least 1, not 0"));
  EXPECT_THAT([] { movement still({.dimension = 1, .window = 1}); },
              ThrowsMessage<std::invalid_argument>("movement: window must be at least 2, not 1"));
  EXPECT_THAT([] { movement hasty({.dimension = 1, .patience = 0}); },
              ThrowsMessage<std::invalid_argument>("movement: patience must be at least 1, not 0"));
}

TEST(movement_test, reports_its_variance_and_the_wait) {
  movement rule{{.dimension = 1, .window = 2, .patience = 3}};
  test::expect_report(rule, {{"variance"}, {"wait", std::nullopt, test::stops_from(3.0)}});
  for (const double x : {1.0, 3.0, 7.0})
    rule.observe(std::vector{x});
  EXPECT_EQ(rule.variance(), 4.0);
  test::expect_report(rule, {{"variance", 4.0}, {"wait", 1.0, test::stops_from(3.0)}});
  rule.observe(std::vector{std::nan("")});
  test::expect_report(rule, {{"variance"}, {"wait", std::nullopt, test::stops_from(3.0)}});
  test::expect_report_as_the_verdict(movement{{.dimension = 8, .window = 20, .patience = 5}},
                                     test::random_vectors(100, 8));
}

TEST(movement_test, its_fields_are_its_options) {
  test::expect_fields<movement_options>({"dimension", "window", "patience"});
  EXPECT_TRUE(std::get<0>(movement_options::fields()).required);
}

}  // namespace
}  // namespace dvar
