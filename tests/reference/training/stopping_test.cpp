#include "training/stopping.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/criteria/clip_s.hpp>
#include <dvar/criteria/patience.hpp>

#include "error.hpp"

namespace dvar::training {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

stopping_options with(std::initializer_list<const char*> stops) {
  stopping_options options;
  for (const char* const stop : stops)
    add_stop(options, stop);
  return options;
}

TEST(Stopping, StepsLowerTheLimitAndNeverRaiseIt) {
  EXPECT_EQ(with({"steps:445"}).step_limit, 445);
  EXPECT_EQ(with({"steps:445", "steps:100"}).step_limit, 100);
  EXPECT_EQ(with({"steps:10000"}).step_limit, 6100);
}

TEST(Stopping, DvarHasItsPresetsAndIsRecorded) {
  EXPECT_EQ(with({"dvar"}).recorded().window, 310U);
  const stopping_options v1 = with({"dvar:v1"});
  EXPECT_EQ(v1.recorded().window, 282U);
  EXPECT_EQ(v1.recorded().threshold, 0.39);
  EXPECT_EQ(v1.probe_rules.front().target<variance_ratio>()->options().window, 282U);
  const stopping_options both = with({"dvar:window=50,threshold=0.2", "dvar:v1"});
  EXPECT_EQ(both.recorded().window, 50U);
  EXPECT_EQ(both.probe_rules.size(), 2U);
}

TEST(Stopping, TheFirstVarianceRatioIsRecordedWhereverItStands) {
  EXPECT_EQ(with({"patience:patience=9", "dvar:v1"}).recorded().window, 282U);
  EXPECT_EQ(with({"steps:5", "clip"}).recorded().window, 310U);
}

TEST(Stopping, PlainDvarKeepsItsOptionsBehindOthers) {
  stopping_options options{.plain = {.window = 500, .threshold = 0.1}};
  add_stop(options, "dvar:v1");
  add_stop(options, "dvar");
  EXPECT_EQ(options.recorded().window, 282U);
  EXPECT_EQ(options.probe_rules.back().target<variance_ratio>()->options().window, 500U);
}

TEST(Stopping, ClipHasItsPresetsAndItsInterval) {
  const auto rule = [](const stopping_options& options) {
    return options.score_rule->target<clip_s>()->options();
  };
  EXPECT_EQ(with({"clip"}).score_every, 50);
  EXPECT_EQ(rule(with({"clip:v1"})).patience, 5U);
  EXPECT_EQ(rule(with({"clip:v1"})).eps, 0.05);
  EXPECT_EQ(rule(with({"clip:v2"})).patience, 6U);
  const stopping_options own = with({"clip:every=7,eps=0.1,patience=2"});
  EXPECT_EQ(own.score_every, 7);
  EXPECT_EQ(rule(own).eps, 0.1);
  const stopping_options by_class = with({"clip_s:patience=3,every=9"});
  EXPECT_EQ(by_class.score_every, 9);
  EXPECT_EQ(rule(by_class).patience, 3U);
  EXPECT_TRUE(by_class.probe_rules.empty()) << "a score, which is to rise, is no loss";
}

TEST(Stopping, OtherRulesAreShownTheProbeLoss) {
  const stopping_options options = with({"patience:patience=2", "dvar"});
  EXPECT_NE(options.probe_rules.front().target<patience>(), nullptr);
  EXPECT_EQ(options.recorded().window, 310U);
  EXPECT_EQ(with({"dvar&slope_test"}).probe_rules.size(), 1U);
}

TEST(Stopping, SaysWhatItExpected) {
  const auto refuses = [](const char* text, const char* part) {
    EXPECT_THAT([&] { with({text}); },
                ThrowsMessage<input_error>(testing::AllOf(HasSubstr("--stop"), HasSubstr(part))));
  };
  refuses("steps", "expected a number of steps");
  refuses("steps:0", "found '0'");
  refuses("steps:12x", "found '12x'");
  refuses("clip:every=0", "expected a number of steps");
  refuses("clip:delta=1", "eps=NUMBER");
  refuses("dvar:v3", "'v3'");
  refuses("dvar:window=1", "window");
  refuses("convergence", "no such criterion");
  refuses("clip:every=2,every=3", "given twice");
  refuses("clip:v1&dvar", "cannot be joined");
  refuses("dvar&clip_s:patience=2", "cannot be joined");
  EXPECT_THROW(with({"clip", "clip:v1"}), input_error);
  EXPECT_THROW(with({"clip", "clip_s"}), input_error);
}

TEST(ProbeCriterion, StopsByTheFirstRuleThatDoesAndRecordsTheRatio) {
  probe_criterion rule{with({"dvar:window=3,threshold=0.5", "threshold:limit=0.1"})};
  rule.observe(1.0);
  EXPECT_FALSE(rule.ratio());
  rule.observe(0.9);
  EXPECT_EQ(rule.observe(0.8).statistic, 1.0);
  EXPECT_EQ(rule.observe(0.05).reason, "threshold");
  EXPECT_THAT(rule.reason(), HasSubstr("better than 0.1"));
}

TEST(ProbeCriterion, StopsAtWhatIsNotFinite) {
  probe_criterion rule{stopping_options{}};
  EXPECT_FALSE(rule.observe(1.0).stop);
  EXPECT_EQ(rule.observe(std::nan("")).reason, "non_finite");
}

TEST(ProbeCriterion, ContinuesFromItsStateBitForBit) {
  const stopping_options options = with({"dvar:window=4,threshold=0.01", "patience:patience=9,after=3"});
  probe_criterion whole{options};
  for (int i = 0; i < 10; ++i)
    whole.observe(1.0 / (1.0 + i));
  probe_criterion loaded{options};
  load_state(loaded, save_state(whole));
  for (int i = 0; i < 20; ++i)
    ASSERT_EQ(loaded.observe(0.1 * (i % 3)), whole.observe(0.1 * (i % 3)));
  EXPECT_EQ(save_state(loaded), save_state(whole));
  whole.reset();
  EXPECT_EQ(save_state(whole), save_state(probe_criterion{options}));
}

}  // namespace
}  // namespace dvar::training
