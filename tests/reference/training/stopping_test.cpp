#include "training/stopping.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/catalog/make_criterion.hpp>
#include <dvar/trace/trace.hpp>

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

/// A rule is the one that a text describes: the same bytes.
void expect_rule(const any_criterion& rule, const char* text) {
  EXPECT_EQ(save_state(rule), save_state(make_criterion(text))) << text;
}

TEST(stopping_test, steps_lower_the_limit_and_never_raise_it) {
  EXPECT_EQ(with({"steps:445"}).step_limit, 445);
  EXPECT_EQ(with({"step_limit:limit=445"}).step_limit, 445);
  EXPECT_EQ(with({"steps:445", "steps:100"}).step_limit, 100);
  EXPECT_EQ(with({"steps:10000"}).step_limit, 6100);
  EXPECT_TRUE(with({"steps:445"}).probe_rules.empty());
}

TEST(stopping_test, rules_are_shown_the_probe_loss) {
  const stopping_options options = with({"patience:patience=2", "dvar", "dvar:v1", "dvar&slope_test"});
  ASSERT_EQ(options.probe_rules.size(), 4U);
  expect_rule(options.probe_rules[0], "patience:patience=2");
  expect_rule(options.probe_rules[1], "variance_ratio:window=310,threshold=0.15");
  expect_rule(options.probe_rules[2], "variance_ratio:window=282,threshold=0.39");
  expect_rule(options.probe_rules[3], "dvar&slope_test");
  EXPECT_EQ(parse_stop("dvar:v1").shown, probe_loss_name);
  EXPECT_EQ(parse_stop("dvar&steps:9").shown, probe_loss_name);
}

TEST(stopping_test, rules_behind_held_out_are_shown_the_loss_of_pictures_held_out) {
  const stopping_options options =
      with({"held_out:patience:patience=2", "held_out:dvar:v1&slope_test", "dvar"});
  ASSERT_EQ(options.held_out_rules.size(), 2U);
  expect_rule(options.held_out_rules[0], "patience:patience=2");
  expect_rule(options.held_out_rules[1], "variance_ratio:window=282,threshold=0.39&slope_test");
  EXPECT_EQ(options.probe_rules.size(), 1U);
  EXPECT_EQ(parse_stop("held_out:patience").shown, held_out_loss_name);
  EXPECT_THAT([] { with({"held_out:nothing"}); },
              ThrowsMessage<input_error>(HasSubstr("--stop held_out:nothing: ")));
  for (const char* const text : {"held_out:clip", "held_out:steps:9", "held_out:patience&wall_clock_limit:9"})
    EXPECT_THAT([text] { parse_stop(text); }, ThrowsMessage<input_error>(HasSubstr("rules on a loss")))
        << text;
  for (const char* const text : {"dvar&held_out:patience", "held_out:held_out:patience"})
    EXPECT_THAT([text] { parse_stop(text); }, ThrowsMessage<input_error>(HasSubstr("held_out: in front")))
        << text;
}

TEST(stopping_test, clip_has_its_presets_and_its_interval) {
  EXPECT_EQ(with({"clip"}).score_every, 50);
  expect_rule(*with({"clip:v1"}).score_rule, "clip_s:eps=0.05,patience=5");
  expect_rule(*with({"clip:v2"}).score_rule, "clip_s:eps=0.02,patience=6");
  const stopping_options own = with({"clip:every=7,eps=0.1,patience=2"});
  EXPECT_EQ(own.score_every, 7);
  expect_rule(*own.score_rule, "clip_s:eps=0.1,patience=2");
  const stopping_options by_class = with({"clip_s:patience=3,every=9"});
  EXPECT_EQ(by_class.score_every, 9);
  expect_rule(*by_class.score_rule, "clip_s:patience=3");
  EXPECT_TRUE(by_class.probe_rules.empty()) << "a score, which is to rise, is no loss";
}

TEST(stopping_test, says_what_it_expected) {
  const auto refuses = [](const char* text, const char* part) {
    EXPECT_THAT([&] { with({text}); },
                ThrowsMessage<input_error>(testing::AllOf(HasSubstr("--stop"), HasSubstr(part))));
  };
  refuses("steps", "expected limit=NUMBER");
  refuses("steps:0", "limit must be at least 1, not 0");
  refuses("steps:12x", "expected a whole number, found '12x'");
  refuses("steps:12,every=2", "a number of steps and nothing else");
  refuses("clip:every=0", "expected a number of steps");
  refuses("clip:delta=1", "eps=NUMBER");
  refuses("dvar:v3", "'v3'");
  refuses("dvar:window=1", "window");
  refuses("dvarr", "did you mean 'dvar'?");
  refuses("clip:every=2,every=3", "given twice");
  refuses("clip:v1&dvar", "cannot be joined");
  refuses("dvar&clip_s:patience=2", "cannot be joined");
  EXPECT_THROW(with({"clip", "clip:v1"}), input_error);
  EXPECT_THROW(with({"clip", "clip_s"}), input_error);
}

TEST(stopping_test, a_window_of_steps_has_as_many_probes_as_lie_in_it) {
  EXPECT_EQ(probes_in(310, 1), 310u);
  EXPECT_EQ(probes_in(310, 3), 103u);
  EXPECT_EQ(probes_in(311, 3), 104u);
  EXPECT_EQ(probes_in(310, 4), 78u);  // 77.5
  EXPECT_EQ(probes_in(4, 3), 2u);
  EXPECT_EQ(probes_in(std::numeric_limits<std::size_t>::max(), 10), 1'844'674'407'370'955'162u);
}

}  // namespace
}  // namespace dvar::training
