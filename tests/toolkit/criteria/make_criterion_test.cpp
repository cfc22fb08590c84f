#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/criteria/make_criterion.hpp>

#include "criterion_checks.hpp"

namespace dvar {
namespace {

using test::stop_of;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// The same verdicts on the same values, and the same state afterwards: the text's rule is this one.
template <criterion C>
void expect_same(const std::string& text, C expected) {
  SCOPED_TRACE(text);
  any_criterion made = make_criterion(text);
  for (const double value : test::eventful_values())
    ASSERT_EQ(made.observe(value), expected.observe(value));
  EXPECT_EQ(made.reason(), expected.reason());
  EXPECT_EQ(save_state(made), save_state(expected));
}

TEST(make_criterion_test, a_name_alone_has_the_defaults) {
  expect_same("variance_ratio", variance_ratio{});
  expect_same("patience", patience{direction::minimize});
  expect_same("plateau", plateau{direction::minimize});
  expect_same("generalization_loss", generalization_loss{direction::minimize});
  expect_same("progress_quotient", progress_quotient{direction::minimize});
  expect_same("successive_rises", successive_rises{direction::minimize});
  expect_same("ema_percentile", ema_percentile{});
  expect_same("hall", hall{});
  expect_same("trend", trend{});
  expect_same("geweke", geweke{});
  expect_same("slope_test", slope_test{});
  expect_same("sasa", sasa{});
  expect_same("already_converged", already_converged{});
  expect_same("clip_s", clip_s{});
  expect_same("non_finite", non_finite{});
}

// Values other than the defaults, small enough that each rule judges within the stream.
TEST(make_criterion_test, every_option_reaches_its_rule) {
  expect_same("variance_ratio:window=20,threshold=0.5,non_finite=skip",
              variance_ratio{{.window = 20, .threshold = 0.5, .non_finite = non_finite_policy::skip}});
  expect_same(
      "patience:direction=maximize,patience=4,min_delta=0.02,scale=relative,measured_from=best,first="
      "accepted,"
      "baseline=2.5,start_from=7",
      patience{direction::maximize,
               {.patience = 4,
                .min_delta = 0.02,
                .scale = delta_scale::relative,
                .measured_from = delta_reference::best,
                .first = first_observation::accepted,
                .baseline = 2.5,
                .start_from = 7}});
  expect_same("plateau:window=9,tolerance=0.1,scale=relative,direction=maximize",
              plateau{direction::maximize, {.window = 9, .tolerance = 0.1, .scale = delta_scale::relative}});
  expect_same("threshold:limit=6.5", threshold{direction::minimize, 6.5});
  expect_same("divergence:limit=9,direction=minimize", divergence{direction::minimize, 9.0});
  expect_same("generalization_loss:alpha=7", generalization_loss{direction::minimize, {.alpha = 7.0}});
  expect_same("progress_quotient:alpha=0.2,strip=4",
              progress_quotient{direction::minimize, {.alpha = 0.2, .strip = 4}});
  expect_same("successive_rises:rises=2,strip=3",
              successive_rises{direction::minimize, {.rises = 2, .strip = 3}});
  expect_same("ema_percentile:lag=8,weight=0.4,threshold=0.02",
              ema_percentile{{.lag = 8, .weight = 0.4, .threshold = 0.02}});
  expect_same("hall:window=6,threshold=0.2", hall{{.window = 6, .threshold = 0.2}});
  expect_same("trend:window=11,threshold=0.03", trend{{.window = 11, .threshold = 0.03}});
  expect_same("geweke:window=30,first=0.2,last=0.4,threshold=1.5",
              geweke{{.window = 30, .first = 0.2, .last = 0.4, .threshold = 1.5}});
  expect_same("slope_test:window=15,probability=0.4,discard=0.2",
              slope_test{{.window = 15, .probability = 0.4, .discard = 0.2}});
  expect_same("sasa:batches=4,batch_length=5,significance=0.2",
              sasa{{.batches = 4, .batch_length = 5, .significance = 0.2}});
  expect_same("already_converged:observations=40,significance=0.2",
              already_converged{{.observations = 40, .significance = 0.2}});
  expect_same("clip_s:patience=4,eps=0.25", clip_s{{.patience = 4, .eps = 0.25}});
  expect_same("step_limit:limit=50", step_limit{50});
}

TEST(make_criterion_test, dvar_knows_the_published_presets) {
  expect_same("dvar", variance_ratio{presets::v2});
  expect_same("dvar:v1", variance_ratio{presets::v1});
  expect_same("dvar:v2", variance_ratio{presets::v2});
  expect_same("dvar:v1,window=15", variance_ratio{{.window = 15, .threshold = presets::v1.threshold}});
}

TEST(make_criterion_test, clip_s_knows_them_too) {
  expect_same("clip_s", clip_s{presets::clip_s_v2});
  expect_same("clip_s:v1", clip_s{presets::clip_s_v1});
  expect_same("clip_s:v1,eps=0.01,patience=2", clip_s{{.patience = 2, .eps = 0.01}});
}

TEST(make_criterion_test, modifiers_wrap_the_rule) {
  expect_same("threshold:limit=7,despiked=3,every=3,consecutive=2,after=20",
              after{20, consecutive{2, every{3, despiked{3, threshold{direction::minimize, 7.0}}}}});
  expect_same("threshold:limit=7,despiked=3,every=2",
              every{2, despiked{3, threshold{direction::minimize, 7.0}}});
  expect_same("threshold:limit=7,every=3,consecutive=2,after=20",
              after{20, consecutive{2, every{3, threshold{direction::minimize, 7.0}}}});
}

TEST(make_criterion_test, joined_rules_stop_together) {
  any_criterion made =
      make_criterion("threshold:limit=7&threshold:limit=2,direction=maximize&non_finite:after=1");
  all_of expected{threshold{direction::minimize, 7.0}, threshold{direction::maximize, 2.0},
                  after{1, non_finite{}}};
  for (const double value : {8.0, 5.0, 1.0, std::nan("")}) {
    const verdict v = made.observe(value);
    ASSERT_EQ(v.stop, expected.observe(value).stop);
  }
  EXPECT_EQ(stop_of(make_criterion("threshold:limit=7&threshold:limit=2,direction=maximize"),
                    std::vector<double>{8.0, 1.0, 5.0}),
            3U);
}

TEST(make_criterion_test, knows_every_name_that_it_lists) {
  for (const std::string_view name : criterion_names) {
    const std::string required = name == "wall_clock_limit" ? ":seconds=3"
                                 : name == "threshold" || name == "divergence" || name == "step_limit"
                                     ? ":limit=3"
                                     : "";
    EXPECT_NO_THROW(make_criterion(std::string(name) + required)) << name;
  }
}

TEST(make_criterion_test, says_what_it_expected) {
  const auto refuses = [](const std::string& text, const std::string& part) {
    EXPECT_THAT([&] { make_criterion(text); },
                ThrowsMessage<std::invalid_argument>(testing::AllOf(HasSubstr(text), HasSubstr(part))))
        << text;
  };
  refuses("patiance", "expected one of variance_ratio, dvar, patience");
  refuses("", "no such criterion");
  refuses("patience:", "expected KEY=VALUE");
  refuses("patience:patience=3,", "expected KEY=VALUE");
  refuses("patience:patience", "'patience' is given twice or is no option");
  refuses("patience:patience=3,patience=4", "'patience' is given twice or is no option");
  refuses("patience:windows=3", "min_delta=NUMBER, scale=absolute|relative");
  refuses("patience:patience=3.5", "patience: expected a whole number, found '3.5'");
  refuses("patience:patience=-1", "patience: expected a whole number, found '-1'");
  refuses("patience:min_delta=small", "min_delta: expected a number, found 'small'");
  refuses("patience:direction=up", "direction: expected minimize|maximize, found 'up'");
  refuses("threshold", "expected limit=NUMBER");
  refuses("dvar:v1,v2", "expected one of v1 and v2");
  refuses("dvar:v3", "'v3' is given twice or is no option");
  EXPECT_THROW(make_criterion("dvar:window=1"), std::invalid_argument);
}

}  // namespace
}  // namespace dvar
