#include "cli/replay/suggestion.hpp"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <dvar/rules/variance_ratio.hpp>
#include <dvar/trace/replay.hpp>

#include "error.hpp"

namespace dvar::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<double> falling(std::size_t length, double time, double ripple = 0.0) {
  std::vector<double> losses;
  for (std::size_t i = 0; i < length; ++i) {
    const auto t = static_cast<double>(i);
    losses.push_back(0.1 + std::exp(-t / time) + ripple * std::sin(t));
  }
  return losses;
}

trace_series series_of(const std::vector<double>& losses, std::size_t every = 1) {
  trace_series series{.column = "probe_loss", .records = {}, .last_step = losses.size() * every};
  for (std::size_t i = 0; i < losses.size(); ++i)
    series.records.append((i + 1) * every, {{"probe_loss", losses[i]}});
  return series;
}

/// exp(-t / 100) has 90 % of its fall behind it at t = 100 ln 10; its mean over 50 to either side, a little above it, 100 ln(sinh(0.5) / 0.5)
/// later.
TEST(suggestion_test, a_stop_is_right_once_most_of_the_fall_is_done) {
  const right_stops right = right_stops_of(falling(2000, 100)).value();
  EXPECT_NEAR(static_cast<double>(right.from - 1), 100 * std::log(10 * std::sinh(0.5) / 0.5), 1.0);
  EXPECT_EQ(right.to, 3 * right.from);
  EXPECT_EQ(right_stops_of(std::vector<double>(100, 1.0)).has_value(), false);
  std::vector<double> broken = falling(100, 10);
  broken[50] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(right_stops_of(broken).has_value(), false);
}

TEST(suggestion_test, no_stop_is_right_after_the_loss_has_risen_again) {
  std::vector<double> losses = falling(400, 40);
  for (std::size_t i = 0; i < 400; ++i)
    losses[i] += i < 120 ? 0.0 : 0.005 * static_cast<double>(i - 120);
  const right_stops right = right_stops_of(losses).value();
  EXPECT_LT(right.from, 120U);
  EXPECT_GT(right.to, 120U);
  EXPECT_NEAR(losses[right.to - 1], losses[119] + 0.1, 0.01) << "10 % of the fall, which is 1";
}

/// Runs that fall alike are stopped right by what fits the others, at the step at which the rule itself stops them.
TEST(suggestion_test, fits_runs_that_are_alike) {
  std::vector<trace_series> runs;
  for (const double time : {90.0, 100.0, 110.0, 120.0, 130.0})
    runs.push_back(series_of(falling(1500, time, 0.001)));
  const suggestion found = suggest(runs, {"a", "b", "c", "d", "e"});
  EXPECT_EQ(found.best.runs, 5U);
  EXPECT_EQ(found.best.right(), 5U);
  EXPECT_EQ(found.right_unseen, 5U);
  // Wilson's interval of 5 of 5: python3 -c "z=1.959963984540054; print((5/(5+z*z)))"
  EXPECT_NEAR(found.lowest, 0.5655175352168253, 1e-12);
  EXPECT_EQ(found.highest, 1.0);
  std::vector<double> stops;
  for (const trace_series& run : runs) {
    const auto result =
        replay(run.records, variance_ratio{{.window = found.best.window, .threshold = found.best.threshold}});
    stops.push_back(static_cast<double>(result.stopped_at.value()));
  }
  EXPECT_EQ(found.best.median, stops[2]) << "the stops rise with the time of the fall";
}

/// A window is in steps: a trace with every third step's probe gets three times the window of its values.
TEST(suggestion_test, counts_the_window_in_steps) {
  std::vector<trace_series> dense, sparse;
  for (const double time : {50.0, 60.0, 70.0}) {
    dense.push_back(series_of(falling(600, time)));
    sparse.push_back(series_of(falling(600, time), 3));
  }
  const setting_result one = suggest(dense, {"a", "b", "c"}).best;
  const setting_result third = suggest(sparse, {"a", "b", "c"}).best;
  EXPECT_NEAR(static_cast<double>(third.window), 3.0 * static_cast<double>(one.window), 3.0);
  EXPECT_EQ(third.threshold, one.threshold);
  EXPECT_NEAR(third.median, 3 * one.median, 9.0);
}

TEST(suggestion_test, says_how_unsure_it_is_of_runs_that_differ) {
  std::vector<trace_series> runs;
  for (const double time : {5.0, 40.0, 600.0})
    runs.push_back(series_of(falling(1500, time)));
  const suggestion found = suggest(runs, {"a", "b", "c"});
  EXPECT_LT(found.right_unseen, 3U);
  EXPECT_LT(found.lowest, 0.5);
}

TEST(suggestion_test, says_so_where_nothing_is_to_be_stopped) {
  std::vector<double> line;
  for (int i = 0; i < 1000; ++i)
    line.push_back(1.0 - 0.0009 * i);
  const trace_series run = series_of(line);
  EXPECT_THAT(([&] { suggest({run, run, run}, {"a", "b", "c"}); }),
              ThrowsMessage<input_error>(HasSubstr("stop none of these runs")));
}

TEST(suggestion_test, needs_three_runs_that_fall) {
  const trace_series run = series_of(falling(100, 10));
  const trace_series flat = series_of(std::vector<double>(100, 1.0));
  EXPECT_THAT(([&] { suggest({run, run, flat}, {"a", "b", "c"}); }),
              ThrowsMessage<input_error>(HasSubstr("found 2")));
  EXPECT_THAT(([&] { suggest({run, series_of(falling(9, 2))}, {"a", "short"}); }),
              ThrowsMessage<input_error>(HasSubstr("short: expected at least 40 values")));
  const suggestion found = suggest({run, run, run, flat}, {"a", "b", "c", "flat"});
  EXPECT_THAT(found.left_out, ElementsAre("flat"));
  EXPECT_THAT(describe(found, /*as_json=*/false), HasSubstr("flat: the loss does not fall"));
  const auto object = nlohmann::json::parse(describe(found, /*as_json=*/true));
  EXPECT_EQ(object.at("window"), found.best.window);
  EXPECT_EQ(object.at("right_unseen"), found.right_unseen);
}

}  // namespace
}  // namespace dvar::cli
