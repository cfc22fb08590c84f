#include <cmath>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/catalog/make_criterion.hpp>

#include "../criteria/criterion_checks.hpp"

namespace dvar {
namespace {

using test::stop_of;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// Expects that the text makes this rule: the same verdicts on the same values, and the same state afterwards.
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
  expect_same("mean_settled", mean_settled{});
  expect_same("slope_test", slope_test{});
  expect_same("diminishing_returns", diminishing_returns{direction::minimize});
  expect_same("sequential_test", sequential_test{direction::minimize});
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
  expect_same("mean_settled:window=30,effective_samples=5,threshold=1.5,stride=2",
              mean_settled{{.window = 30, .effective_samples = 5.0, .threshold = 1.5, .stride = 2}});
  expect_same("slope_test:window=15,probability=0.4,discard=0.2",
              slope_test{{.window = 15, .probability = 0.4, .discard = 0.2}});
  expect_same("diminishing_returns:share=0.2,window=9,part=0.5,block=2,direction=maximize",
              diminishing_returns{direction::maximize, {.share = 0.2, .window = 9, .part = 0.5, .block = 2}});
  expect_same(
      "sequential_test:probability=0.05,share=0.2,min_gain=0.01,first=20,lag=0.4,pairs=6",
      sequential_test{
          direction::minimize,
          {.probability = 0.05, .share = 0.2, .min_gain = 0.01, .first = 20, .lag = 0.4, .pairs = 6}});
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
  expect_same("clip", clip_s{});
  expect_same("clip_s", clip_s{presets::clip_s_v2});
  expect_same("clip_s:v1", clip_s{presets::clip_s_v1});
  expect_same("clip_s:eps=0.01,v1,patience=2", clip_s{{.patience = 2, .eps = 0.01}});
  expect_same("clip_s:dreambooth_lora", clip_s{presets::clip_s_dreambooth_lora});
}

TEST(make_criterion_test, a_required_option_may_stand_alone) {
  expect_same("step_limit:50", step_limit{50});
  expect_same("steps:50,after=60", after{60, step_limit{50}});
  expect_same("threshold:direction=maximize,7.5", threshold{direction::maximize, 7.5});
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
  for (const std::string_view name : criterion_names()) {
    const std::string_view resolved = resolved_name(name);
    const bool needs_a_number = resolved == "wall_clock_limit" || resolved == "threshold" ||
                                resolved == "divergence" || resolved == "step_limit";
    EXPECT_NO_THROW(make_criterion(std::string(name) + (needs_a_number ? ":3" : ""))) << name;
  }
}

TEST(make_criterion_test, resolves_aliases) {
  EXPECT_EQ(resolved_name("dvar"), "variance_ratio");
  EXPECT_EQ(resolved_name("steps"), "step_limit");
  EXPECT_EQ(resolved_name("clip"), "clip_s");
  EXPECT_EQ(resolved_name("patience"), "patience");
  EXPECT_EQ(resolved_name("unknown"), "unknown");
}

TEST(make_criterion_test, gives_the_options_of_a_rule_that_stands_alone) {
  const auto options = [](const std::string& text) {
    return plain_options<variance_ratio>(parse_rules(text));
  };
  ASSERT_TRUE(options("dvar:v1,window=15"));
  EXPECT_EQ(options("dvar:v1,window=15")->window, 15U);
  EXPECT_EQ(options("dvar:v1,window=15")->threshold, presets::v1.threshold);
  EXPECT_FALSE(options("hall"));
  EXPECT_FALSE(options("dvar:after=9"));
  EXPECT_FALSE(options("dvar&hall"));
  EXPECT_THROW(options("dvar:windw=9"), std::invalid_argument);
}

TEST(make_criterion_test, says_what_it_expected) {
  const auto refuses = [](const std::string& text, const std::string& part) {
    EXPECT_THAT([&] { make_criterion(text); },
                ThrowsMessage<std::invalid_argument>(testing::AllOf(HasSubstr(text), HasSubstr(part))))
        << text;
  };
  refuses(
      "patiance",
      "'patiance': there is no rule 'patiance' (did you mean 'patience'?); expected one of variance_ratio, "
      "dvar, patience, clip_s, clip, plateau");
  refuses("early_stopping", "there is no rule 'early_stopping'; expected one of variance_ratio, dvar");
  refuses("", "expected the name of a rule, found none");
  refuses("patience:", "expected KEY=VALUE");
  refuses("patience:patience=3,", "expected KEY=VALUE");
  refuses("patience:patience",
          "'patience' needs a value; expected some of direction=minimize|maximize, patience=NUMBER");
  refuses("patience:patience=3,patience=4", "patience is given twice");
  refuses("steps:3,limit=4", "limit is given twice");
  refuses("patience:direction=minimize,direction=minimize", "direction is given twice");
  refuses("patience:after=1,after=2", "after is given twice");
  refuses("patience:windows=3",
          "there is no option 'windows'; expected some of direction=minimize|maximize, patience=NUMBER, "
          "min_delta=NUMBER, scale=absolute|relative");
  refuses("patience:min_detla=3", "there is no option 'min_detla' (did you mean 'min_delta'?)");
  refuses("hall:direction=minimize", "there is no option 'direction'");
  refuses("patience:patience=3.5", "patience: expected a whole number, found '3.5'");
  refuses("patience:patience=-1", "patience: expected a whole number, found '-1'");
  refuses("patience:min_delta=small", "min_delta: expected a number, found 'small'");
  refuses("patience:baseline=low", "baseline: expected a number, found 'low'");
  refuses("patience:direction=up", "direction: expected minimize|maximize, found 'up'");
  refuses("patience:scale=big", "scale: expected absolute|relative, found 'big'");
  refuses("threshold", "expected limit=NUMBER");
  refuses("steps:soon", "limit: expected a whole number, found 'soon'");
  refuses("dvar:v1,v2", "one of the published settings is given twice");
  refuses("dvar:v3", "there is no option 'v3' (did you mean 'v1'?); expected some of v1, v2, window=NUMBER");
  refuses("dvar:v1=2", "'v1' takes no value");
  EXPECT_THROW(make_criterion("dvar:window=1"), std::invalid_argument);
}

}  // namespace
}  // namespace dvar
