// What an object was made with can be asked of it, what it may be made with is described, and what is not known yet has
// no value.

#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/options/field.hpp>
#include <dvar/probe/cadence.hpp>

#include "every_criterion.hpp"

namespace dvar {
namespace {

using test::name_of;

TEST(options_test, are_those_that_were_given) {
  EXPECT_EQ(already_converged({.observations = 9}).options().observations, 9U);
  EXPECT_EQ(ema_percentile({.lag = 9}).options().lag, 9U);
  EXPECT_EQ(evidence_based({.batch = 9}).options().batch, 9U);
  EXPECT_EQ(geweke({.window = 90}).options().window, 90U);
  EXPECT_EQ(hall({.window = 9}).options().window, 9U);
  EXPECT_EQ(mean_settled({.window = 200}).options().window, 200U);
  EXPECT_EQ(movement({.dimension = 9}).options().dimension, 9U);
  EXPECT_EQ(pflug({.dimension = 9}).options().dimension, 9U);
  EXPECT_EQ(sasa({.batches = 9}).options().batches, 9U);
  EXPECT_EQ(slope_test({.window = 9}).options().window, 9U);
  EXPECT_EQ(trend({.window = 9}).options().window, 9U);
  EXPECT_EQ(exponential_average({.weight = 0.5}).options().weight, 0.5);
  EXPECT_EQ(rolling_quantile({.window = 9}).options().window, 9U);
  EXPECT_EQ(rolling_extremes(9).window(), 9U);
  EXPECT_EQ(step_limit(9).limit(), 9U);
  EXPECT_EQ(cadence(9).every(), 9U);
}

TEST(options_test, a_direction_is_kept) {
  EXPECT_EQ(divergence(direction::maximize, 2.0).better(), direction::maximize);
  EXPECT_EQ(divergence(direction::maximize, 2.0).limit(), 2.0);
  EXPECT_EQ(threshold(direction::maximize, 2.0).better(), direction::maximize);
  EXPECT_EQ(threshold(direction::maximize, 2.0).limit(), 2.0);
  EXPECT_EQ(successive_rises(direction::maximize, {}).better(), direction::maximize);
  EXPECT_EQ(progress_quotient(direction::minimize, {}).best().value(), std::nullopt);
}

TEST(options_test, there_is_no_value_before_there_are_enough_observations) {
  EXPECT_EQ(plateau(direction::minimize, {.window = 8}).progress(), std::nullopt);
  EXPECT_EQ(rolling_slope(8).mean(), std::nullopt);
}

TEST(options_test, a_reader_knows_what_is_left) {
  const auto archive = save_state(step_limit{9});
  EXPECT_EQ(state_reader(archive).remaining(), archive.size() - detail::state_header_size);
}

/// Calls `use(object)` for every rule and every statistic that has options.
template <class Use>
void for_each_with_options(Use use) {
  test::for_each_rule(use);
  test::for_each(test::every_statistic(), [&](const auto& fresh) {
    if constexpr (requires { fresh.options(); }) use(fresh);
  });
}

template <class T>
using options_of = std::remove_cvref_t<decltype(std::declval<const T&>().options())>;

/// An object of the same class with other options.
template <class T>
T remade(const options_of<T>& options) {
  if constexpr (std::constructible_from<T, direction, options_of<T>>)
    return T(direction::minimize, options);
  else
    return T(options);
}

/// What making it says; empty where it is made.
template <class T>
std::string refusal(const options_of<T>& options) {
  try {
    remade<T>(options);
    return {};
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

/// Numbers at and beside all ends that a range has.
template <class Value>
std::vector<Value> probing_values() {
  if constexpr (std::same_as<Value, bool>) {
    return {false, true};
  } else if constexpr (std::integral<Value>) {
    return {0, 1, 2, 3, 4, 5, 9, 10, 100};
  } else {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double least = std::numeric_limits<double>::denorm_min();
    std::vector<Value> values{std::nan(""), -infinity, infinity};
    for (const double end : {0.0, 0.5, 1.0, 50.0, 100.0})
      for (const double value : {end, end == 0.0 ? -least : std::nextafter(end, 0.0),
                                 end == 0.0 ? least : std::nextafter(end, infinity)})
        values.push_back(value);
    return values;
  }
}

TEST(options_test, a_number_outside_its_range_is_refused_by_name) {
  for_each_with_options([]<class T>(const T& fresh) {
    using options_type = options_of<T>;
    for_each_field<options_type>([&]<class Value>(const field<options_type, Value>& each) {
      if constexpr (!std::is_enum_v<Value>) {
        for (const Value& value : probing_values<Value>()) {
          options_type options = fresh.options();
          options.*each.member = value;
          double number = 0.0;
          if constexpr (std::integral<Value>)
            number = static_cast<double>(value);
          else
            number = std::optional(value).value();
          const std::string expected = name_of(fresh) + ": " + std::string(each.name) + " must be " +
                                       each.allowed.text() + ", not " + detail::state_text(value);
          // Inside, only a relation with another option may refuse it.
          if (each.allowed.contains(number))
            EXPECT_NE(refusal<T>(options), expected);
          else
            EXPECT_EQ(refusal<T>(options), expected);
        }
      }
    });
  });
}

TEST(options_test, have_these_ranges) {
  std::set<std::string> ranges;
  for_each_with_options([&]<class T>(const T& fresh) {
    for_each_field<options_of<T>>([&](const auto& each) {
      const std::string range = each.allowed.text();
      if (!range.empty()) ranges.insert(name_of(fresh) + "." + std::string(each.name) + ": " + range);
    });
  });
  const std::set<std::string> expected{
      "already_converged.observations: at least 3",
      "already_converged.significance: above 0 and below 1",
      "clip_s.eps: finite and at least 0",
      "clip_s.patience: at least 1",
      "divergence.limit: finite",
      "ema_percentile.lag: at least 1",
      "ema_percentile.threshold: above 0",
      "ema_percentile.weight: above 0 and at most 1",
      "diminishing_returns.block: at least 1",
      "diminishing_returns.part: from 0 to 1",
      "diminishing_returns.share: from 0 to below 1",
      "diminishing_returns.window: at least 2",
      "evidence_based.batch: at least 2",
      "exponential_average.weight: above 0 and at most 1",
      "generalization_loss.alpha: finite and at least 0",
      "geweke.first: above 0 and below 1",
      "geweke.last: above 0 and below 1",
      "geweke.threshold: above 0",
      "geweke.window: at least 4",
      "hall.threshold: above 0",
      "hall.window: at least 2",
      "mean_settled.effective_samples: finite and above 0",
      "mean_settled.stride: at least 1",
      "mean_settled.threshold: above 0",
      "mean_settled.window: at least 8",
      "movement.dimension: at least 1",
      "movement.patience: at least 1",
      "movement.window: at least 2",
      "patience.baseline: finite",
      "patience.min_delta: finite and at least 0",
      "patience.patience: at least 1",
      "pflug.burn_in: at least 2",
      "pflug.dimension: at least 1",
      "plateau.tolerance: finite and at least 0",
      "plateau.window: at least 1",
      "progress_quotient.alpha: finite and at least 0",
      "progress_quotient.strip: at least 2",
      "rolling_quantile.level: from 0 to 1",
      "rolling_quantile.window: at least 1",
      "sasa.batch_length: at least 1",
      "sasa.batches: at least 2",
      "sasa.significance: above 0 and below 1",
      "sequential_test.first: at least 18",
      "sequential_test.lag: above 0 and at most 1",
      "sequential_test.min_gain: finite and at least 0",
      "sequential_test.pairs: at least 1",
      "sequential_test.probability: above 0 and below 1",
      "sequential_test.share: from 0 to below 1",
      "slope_test.discard: from 0 to below 1",
      "slope_test.probability: above 0 and below 1",
      "slope_test.window: at least 3",
      "step_limit.limit: at least 1",
      "successive_rises.rises: at least 1",
      "successive_rises.strip: at least 1",
      "threshold.limit: finite",
      "trend.threshold: above 0",
      "trend.window: at least 3",
      "variance_ratio.threshold: above 0 and at most 1",
      "variance_ratio.window: at least 2",
      "wall_clock_limit.seconds: finite and above 0",
  };
  EXPECT_THAT(ranges, testing::ContainerEq(expected));
}

TEST(options_test, have_defaults_where_they_need_not_be_given) {
  for_each_with_options([]<class T>(const T& fresh) {
    const std::string said = refusal<T>({});
    std::string required;
    for_each_field<options_of<T>>([&](const auto& each) {
      if (each.required && required.empty()) required = name_of(fresh) + ": " + std::string(each.name);
    });
    EXPECT_EQ(said.substr(0, said.find(" must")), required);
  });
}

/// How many members an aggregate of at most eight has.
template <class Options>
constexpr std::size_t member_count() {
  // Of eight members the last seven need no initializer.
  if constexpr (requires { Options{{}, {}, {}, {}, {}, {}, {}, {}}; })
    return 8;
  else if constexpr (requires { Options{{}, {}, {}, {}, {}, {}, {}}; })
    return 7;
  else if constexpr (requires { Options{{}, {}, {}, {}, {}, {}}; })
    return 6;
  else if constexpr (requires { Options{{}, {}, {}, {}, {}}; })
    return 5;
  else if constexpr (requires { Options{{}, {}, {}, {}}; })
    return 4;
  else if constexpr (requires { Options{{}, {}, {}}; })
    return 3;
  else if constexpr (requires { Options{{}, {}}; })
    return 2;
  else if constexpr (!std::is_empty_v<Options>)
    return 1;
  else
    return 0;
}

TEST(options_test, name_and_describe_every_member_once) {
  for_each_with_options([]<class T>(const T& fresh) {
    using options_type = options_of<T>;
    SCOPED_TRACE(name_of(fresh));
    static_assert(described_options<options_type>);
    const options_type options = fresh.options();
    std::set<std::string> names;
    std::set<const void*> members;
    for_each_field<options_type>([&](const auto& each) {
      names.emplace(each.name);
      members.insert(&(options.*each.member));
      const std::string sentence{each.sentence};
      EXPECT_FALSE(sentence.empty() || sentence.ends_with('.')) << each.name << ": " << sentence;
    });
    EXPECT_EQ(names.size(), member_count<options_type>());
    EXPECT_EQ(members.size(), member_count<options_type>());
  });
}

TEST(options_test, what_is_published_is_allowed) {
  std::size_t published = 0;
  test::for_each_rule([&]<class Rule>(const Rule&) {
    if constexpr (requires { Rule::published; }) {
      for (const auto& each : Rule::published) {
        ++published;
        EXPECT_EQ(refusal<Rule>(each.options), "") << Rule::name << ":" << each.name;
      }
    }
  });
  EXPECT_GE(published, 4U);
}

}  // namespace
}  // namespace dvar
