#include "every_criterion.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocations.hpp"
#include "criteria/criterion_checks.hpp"

namespace dvar {
namespace {

using test::every_criterion;
using test::every_statistic;
using test::name_of;

static_assert(std::tuple_size_v<decltype(every_criterion())> >= 30);

/// The names that an object reports, and the bounds of the numbers.
template <class T>
std::string reported_names(const T& object) {
  std::string all;
  for_each_reported(object, [&](const reported_value& each) {
    all.append(each.rule).append("/").append(each.name);
    all += (each.stops ? ", stops " + to_text(*each.stops) : "") + "\n";
  });
  return all;
}

/// The numbers that an object reports, to the last bit.
template <class T>
std::string reported_numbers(const T& object) {
  std::string all;
  for_each_reported(object,
                    [&](const reported_value& each) { all += detail::state_text(each.value) + "\n"; });
  return all;
}

/// What can be seen of an object: its state and, if it has them, its verdict, sentence and report.
template <class T>
std::string seen(const T& object) {
  std::ostringstream all;
  for (const std::byte byte : save_state(object))
    all << std::to_integer<int>(byte) << ' ';
  if constexpr (requires { object.latest(); }) {
    all << object.latest().stop << object.latest().warming_up << object.latest().rule << object.reason()
        << reported_names(object) << reported_numbers(object);
  }
  return all.str();
}

/// Random operations on an object, compared with a model that is nothing but the list of the observations since the
/// last reset: showing them to a new object must give the same, to the last bit.
template <class T>
void expect_to_be_its_observations(const T& fresh, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  const auto chance = [&](unsigned of) { return random() % of == 0; };
  const auto values = test::eventful_values(static_cast<unsigned>(seed));
  T object = fresh;
  T other = fresh;
  std::vector<double> model;
  std::string history;
  for (int operation = 0; operation < 150; ++operation) {
    if (chance(40)) {
      history += 'r';
      object.reset();
      model.clear();
    } else if (chance(12)) {
      history += 's';  // saved, and loaded into one that has seen other things
      test::show(other, values[random() % values.size()]);
      load_state(other, save_state(object));
      std::swap(object, other);
    } else if (chance(12)) {
      history += 'c';
      T copy = object;
      test::show(object, 1.0);
      object = copy;
    } else if (chance(12)) {
      history += 'm';
      T moved = std::move(object);
      object = fresh;
      object = std::move(moved);
    } else {
      history += 'o';
      model.push_back(values[random() % values.size()]);
      test::show(object, model.back());
    }
    if (chance(10)) {
      T again = fresh;
      for (const double value : model)
        test::show(again, value);
      ASSERT_EQ(seen(object), seen(again)) << name_of(fresh) << ", seed " << seed << ", after " << history;
    }
  }
}

TEST(every_criterion_test, is_its_observations_whatever_is_done_with_it) {
  test::for_each(every_criterion(), [](const auto& fresh) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed)
      expect_to_be_its_observations(fresh, seed);
  });
}

TEST(every_criterion_test, so_is_every_statistic) {
  test::for_each(every_statistic(), [](const auto& fresh) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed)
      expect_to_be_its_observations(fresh, seed);
  });
}

TEST(every_criterion_test, continues_from_a_saved_state_and_resets_to_new) {
  const auto values = test::eventful_values();
  test::for_each(every_criterion(), [&](const auto& fresh) {
    SCOPED_TRACE(name_of(fresh));
    test::expect_exact_state(fresh, values);
    if (name_of(fresh) != "wall_clock_limit")  // it has no state but the time, which stands still
      test::expect_reset_equals_fresh(fresh, values);
  });
}

template <class T>
void expect_no_allocation_in_observe(T object) {
  const auto values = test::eventful_values();
  std::size_t reported = 0;
  const auto before = test::allocations();
  for (int round = 0; round < 3; ++round) {
    for (const double value : values) {
      test::show(object, value);
      if constexpr (requires { object.latest(); })
        for_each_reported(object, [&](const reported_value& each) { reported += each.value ? 1 : 0; });
    }
    object.reset();
  }
  EXPECT_EQ(test::allocations(), before) << name_of(object) << ", which reported " << reported;
}

TEST(every_criterion_test, allocates_nothing_once_it_is_made) {
  const auto check = [](const auto& fresh) { expect_no_allocation_in_observe(fresh); };
  test::for_each(every_criterion(), check);
  test::for_each(every_statistic(), check);
}

TEST(every_criterion_test, has_a_version_and_a_name_in_its_state) {
  std::set<std::string> names;
  const auto check = [&](auto& fresh) {
    names.insert(name_of(fresh));
    // The same content under the next version of the first section: name length, name, version.
    auto archive = save_state(fresh);
    const std::size_t version = detail::state_header_size + 8 + name_of(fresh).size();
    archive[version] = std::byte{99};
    std::vector<std::byte> repaired;
    const auto content = std::span(std::as_const(archive)).subspan(detail::state_header_size);
    detail::append_little_endian(repaired, detail::state_magic);
    detail::append_little_endian(repaired, detail::state_format);
    detail::append_little_endian(repaired, std::uint64_t{content.size()});
    detail::append_little_endian(repaired, detail::fnv1a(content));
    repaired.insert(repaired.end(), content.begin(), content.end());
    const auto before = save_state(fresh);
    try {
      load_state(fresh, repaired);
      ADD_FAILURE() << name_of(fresh) << " loads version 99";
    } catch (const state_error& error) {
      EXPECT_NE(std::string(error.what()).find("version 99"), std::string::npos) << error.what();
    }
    EXPECT_EQ(save_state(fresh), before);
  };
  test::for_each(every_criterion(), check);
  test::for_each(every_statistic(), check);
  EXPECT_GE(names.size(), 38U);
}

TEST(every_criterion_test, refuses_the_state_of_every_other) {
  std::vector<std::vector<std::byte>> archives;
  std::vector<std::string> names;
  test::for_each(every_criterion(), [&](const auto& fresh) {
    archives.push_back(save_state(fresh));
    names.push_back(name_of(fresh));
  });
  test::for_each(every_criterion(), [&](auto fresh) {
    for (std::size_t i = 0; i < archives.size(); ++i) {
      if (names[i] == name_of(fresh)) continue;
      EXPECT_THROW(load_state(fresh, archives[i]), state_error) << name_of(fresh) << " and " << names[i];
    }
  });
}

TEST(every_criterion_test, says_its_name_and_what_it_does) {
  test::for_each_rule([]<class Rule>(const Rule& fresh) {
    EXPECT_EQ(Rule::name, name_of(fresh));
    const std::string summary{Rule::summary};
    EXPECT_THAT(summary,
                testing::AnyOf(testing::StartsWith("Stops when "), testing::StartsWith("Stops at ")));
    EXPECT_THAT(summary, testing::Not(testing::EndsWith(".")));
  });
}

TEST(every_criterion_test, reports_the_same_names_at_every_observation) {
  const auto values = test::eventful_values();
  test::for_each(every_criterion(), [&](auto rule) {
    const std::string names = reported_names(rule);
    for (const double value : values) {
      rule.observe(value);
      ASSERT_EQ(reported_names(rule), names) << name_of(rule);
    }
  });
}

bool holds(const stop_bound& stops, double value) {
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

TEST(every_criterion_test, reports_one_number_that_it_judges_by_or_none_at_all) {
  const auto values = test::eventful_values();
  test::for_each(every_criterion(), [&]<class Rule>(Rule rule) {
    if constexpr (requires { rule.options(); }) {
      for (const double value : values) {
        const verdict v = rule.observe(value);
        std::size_t judged = 0;
        for (const reported_value& each : reported_values(rule)) {
          ASSERT_EQ(each.rule, Rule::name);
          if (!each.stops) continue;
          ++judged;
          ASSERT_EQ(each.value.has_value(), v.statistic.has_value()) << Rule::name;
          ASSERT_TRUE(each.value || !v.stop) << Rule::name;
          if (!each.value) continue;
          // Some rules judge by the size of a statistic that has a sign.
          ASSERT_EQ(std::abs(*each.value), std::abs(*v.statistic)) << Rule::name;
          ASSERT_TRUE(!v.stop || holds(*each.stops, *each.value)) << Rule::name << ": " << *each.value;
        }
        ASSERT_EQ(judged, reported_values(rule).empty() ? 0U : 1U) << Rule::name;
      }
    }
  });
}

TEST(every_criterion_test, a_combinator_reports_what_its_members_do) {
  const auto values = test::eventful_values();
  std::size_t combinators = 0;
  test::for_each(every_criterion(), [&](auto rule) {
    if constexpr (requires { rule.members(); }) {
      ++combinators;
      for (const double value : values) {
        rule.observe(value);
        std::string names;
        std::string numbers;
        detail::for_each_member(rule.members(), [&](const auto& member) {
          names += reported_names(member);
          numbers += reported_numbers(member);
        });
        ASSERT_NE(names, "");
        ASSERT_EQ(reported_names(rule), names) << name_of(rule);
        ASSERT_EQ(reported_numbers(rule), numbers) << name_of(rule);
      }
    }
  });
  EXPECT_EQ(combinators, 12U);
}

/// What all rules say to the same values, one rule after the other.
std::vector<std::string> sayings(const std::vector<double>& values) {
  std::vector<std::string> all;
  test::for_each(every_criterion(), [&](auto rule) {
    for (const double value : values)
      rule.observe(value);
    all.push_back(seen(rule));
  });
  return all;
}

TEST(every_criterion_test, shares_nothing_with_its_like_in_another_thread) {
  const auto values = test::eventful_values();
  const auto expected = sayings(values);
  std::vector<std::vector<std::string>> said(4);
  std::vector<std::thread> threads;
  for (auto& mine : said)
    threads.emplace_back([&] { mine = sayings(values); });
  for (auto& thread : threads)
    thread.join();
  for (const auto& mine : said)
    EXPECT_EQ(mine, expected);
}

}  // namespace
}  // namespace dvar
