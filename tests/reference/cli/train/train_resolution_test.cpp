#include "cli/train/train_resolution.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../refusal_of.hpp"
#include "cli/options/subcommand.hpp"

namespace dvar::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// What a command line comes to.
train_options resolved(std::vector<std::string> arguments, std::int64_t ranks = 1) {
  arguments.insert(arguments.end(), {"--images", "cats", "--token", "<cat>", "--output", "out"});
  train_options options;
  options.ranks = ranks;
  options.given = parse(rows_of(options), std::move(arguments));
  resolve(options);
  return options;
}

std::string refusal(const std::vector<std::string>& arguments) {
  return refusal_of([&] { resolved(arguments); });
}

TEST(train_resolution_test, of_nothing_but_a_probe_after_every_step_is_the_published_method) {
  const train_options options = resolved({"--probe-every", "1"});
  const training::stopping_options& stopping = options.run.stopping;
  ASSERT_EQ(stopping.probe_rules.size(), 1u);
  EXPECT_EQ(save_state(stopping.probe_rules.front()), save_state(variance_ratio{presets::v2}));
  EXPECT_EQ(stopping.step_limit, 6100);
  EXPECT_EQ(stopping.score_every, 0);
  EXPECT_TRUE(std::holds_alternative<training::adamw_options>(options.inversion.optimizer));
  EXPECT_EQ(options.prompt, "a photo of a {}");
  EXPECT_FALSE(options.masks);
  EXPECT_EQ(options.run.probe.fixed, training::probe_sources{});
}

TEST(train_resolution_test, reads_the_optimizer_and_its_schedule) {
  const train_options options = resolved({"--optimizer", "asam", "--sam-base", "sgd", "--momentum", "0.5",
                                          "--schedule", "polynomial", "--power", "2", "--max-steps", "80"});
  EXPECT_EQ(std::get<training::sgd_options>(options.inversion.optimizer).momentum, 0.5);
  EXPECT_TRUE(options.inversion.sharpness->adaptive);
  const training::learning_rate_options& schedule = options.inversion.schedule;
  EXPECT_EQ(schedule.shape, training::schedule_shape::polynomial);
  EXPECT_EQ(schedule.power, 2.0);
  EXPECT_EQ(schedule.total_steps, 80);
}

TEST(train_resolution_test, scales_the_rate_by_the_inputs_of_all_ranks) {
  const train_options options =
      resolved({"--scale-lr", "--learning-rate", "1e-4", "--batch", "2", "--accumulation", "3"}, /*ranks=*/2);
  EXPECT_DOUBLE_EQ(learning_rate_of(options.inversion.optimizer), 12e-4);
}

TEST(train_resolution_test, reads_masks_as_files_beside_or_a_folder) {
  const train_options beside = resolved({"--masks", "beside"});
  EXPECT_TRUE(beside.masks);
  EXPECT_EQ(beside.masks_dir, "");
  const train_options folder = resolved({"--masks", "masks", "--mask-background", "0.25"});
  EXPECT_TRUE(folder.masks);
  EXPECT_EQ(folder.masks_dir, "masks");
  EXPECT_EQ(folder.mask_background, 0.25);
}

TEST(train_resolution_test, takes_the_prompt_from_the_templates) {
  EXPECT_EQ(resolved({"--learnable-property", "style"}).prompt, "a painting in the style of {}");
  EXPECT_EQ(resolved({"--learnable-property", "style", "--prompt", "{} at sea"}).prompt, "{} at sea");
}

TEST(train_resolution_test, reads_what_a_probe_holds_fixed) {
  const train_options options = resolved({"--probe-fixed", "images,latents", "--probe-timesteps", "middle"});
  EXPECT_EQ(training::experiment_code(options.run.probe.fixed), "11000");
  EXPECT_EQ(options.run.probe.timesteps, training::timestep_choice::middle_third);
}

TEST(train_resolution_test, gives_plain_dvar_its_own_numbers) {
  const train_options options =
      resolved({"--stop", "dvar:v1", "--stop", "dvar", "--window", "4", "--threshold", "1"});
  const std::vector<any_criterion>& rules = options.run.stopping.probe_rules;
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(save_state(rules[0]), save_state(variance_ratio{presets::v1}));
  EXPECT_EQ(save_state(rules[1]), save_state(variance_ratio{{.window = 4, .threshold = 1.0}}));
}

TEST(train_resolution_test, probes_less_often_where_no_rule_counts_probes) {
  const auto every = [](const std::vector<std::string>& arguments) {
    return resolved(arguments).run.probe_every;
  };
  EXPECT_EQ(every({}), 3);
  EXPECT_EQ(every({"--window", "30"}), 3);
  EXPECT_EQ(every({"--window", "29"}), 1);
  EXPECT_EQ(every({"--max-steps", "311"}), 3);
  EXPECT_EQ(every({"--max-steps", "310"}), 1);
  EXPECT_EQ(every({"--stop", "dvar", "--stop", "steps:9", "--stop", "clip"}), 3);
  EXPECT_EQ(every({"--stop", "dvar", "--stop", "patience"}), 1);
  EXPECT_EQ(every({"--stop", "dvar:v2"}), 1);
  EXPECT_EQ(every({"--stop", "steps:9"}), 1);
  EXPECT_EQ(every({"--method", "dreambooth-lora"}), 1);
  EXPECT_EQ(every({"--probe-every", "5"}), 5);
  EXPECT_EQ(every({"--stop", "patience", "--probe-every", "2"}), 2);
}

TEST(train_resolution_test, counts_the_window_of_plain_dvar_in_steps) {
  const auto rule = [](const std::string& steps, const std::string& every) {
    return save_state(resolved({"--window", steps, "--probe-every", every}).run.stopping.probe_rules.front());
  };
  const auto of = [](std::size_t probes) {
    return save_state(variance_ratio{{.window = probes, .threshold = 0.15}});
  };
  EXPECT_EQ(rule("310", "1"), of(310));
  EXPECT_EQ(rule("310", "3"), of(103));
  EXPECT_EQ(rule("310", "4"), of(78));  // 77.5
  EXPECT_EQ(rule("310", "200"), of(2));
}

TEST(train_resolution_test, scores_samples_by_a_rule_or_alone) {
  EXPECT_GT(resolved({"--stop", "clip"}).run.stopping.score_every, 0);
  const train_options alone = resolved({"--score-every", "7", "--score-samples", "3", "--class-word", "cat"});
  EXPECT_EQ(alone.run.stopping.score_every, 7);
  EXPECT_EQ(alone.scored_samples.count, 3);
  EXPECT_THAT(refusal({"--stop", "clip:every=5", "--score-every", "7"}), StartsWith("--score-every: "));
}

TEST(train_resolution_test, refuses_values_by_their_rows) {
  EXPECT_EQ(refusal({"--batch", "0"}), "--batch: expected at least 1, found 0");
  EXPECT_EQ(refusal({"--window", "1"}), "--window: expected at least 2, found 1");
  EXPECT_EQ(refusal({"--threshold", "0"}), "--threshold: expected more than 0 and at most 1, found 0");
  EXPECT_EQ(refusal({"--flip", "1.5"}), "--flip: expected 0 to 1, found 1.5");
  EXPECT_EQ(refusal({"--init", "good"}),
            "--init: expected best, worst, random, token:WORD[+WORD...] or file:PATH, found 'good'");
  EXPECT_EQ(refusal({"--init-templates", "99"}), "--init-templates: expected 1 to 27, found 99");
  EXPECT_EQ(refusal({"--prompt", "no place"}), "--prompt: expected {} or the token in it, found 'no place'");
  EXPECT_EQ(refusal({"--precision", "fp8"}),
            "--precision: expected auto, fp32, tf32, bf16 or fp16, found 'fp8'");
  EXPECT_THAT(refusal({"--probe-fixed", "pictures"}), StartsWith("--probe-fixed: expected some of images"));
  EXPECT_THAT(refusal({"--stop", "nothing"}), HasSubstr("no rule 'nothing'"));
}

TEST(train_resolution_test, refuses_what_nothing_would_read) {
  EXPECT_EQ(refusal({"--momentum", "0.5"}), "--momentum: expected --optimizer sgd or --sam-base sgd with it");
  EXPECT_EQ(refusal({"--mask-background", "0.5"}), "--mask-background: expected --masks with it");
  EXPECT_EQ(refusal({"--stop", "dvar:v1", "--window", "9"}),
            "--window: expected --stop dvar with it; other rules have options of their own");
  EXPECT_EQ(refusal({"--score-steps", "2"}), "--score-steps: expected --stop clip or --score-every with it");
  EXPECT_EQ(refusal({"--class-word", "cat"}), "--class-word: expected --stop clip or --score-every with it");
  EXPECT_THAT(refusal({"--identity", "vit", "--samples", "0"}),
              StartsWith("--identity: expected --stop clip"));
  EXPECT_EQ(refusal({"--identity", "vit"}), "");
  EXPECT_THAT(refusal({"--captions", "--learnable-property", "object"}), HasSubstr("--captions"));
  EXPECT_THAT(refusal({"--probe-thirds", "--probe-every", "0", "--stop", "steps:2"}),
              StartsWith("--probe-thirds: expected --probe-every"));
  EXPECT_EQ(refusal({"--resume", "--overwrite"}), "--overwrite: expected no --resume with it");
}

TEST(train_resolution_test, refuses_what_does_not_go_together) {
  EXPECT_EQ(
      refusal({"--schedule", "polynomial", "--last-learning-rate", "1"}),
      "--last-learning-rate: expected less than the learning rate of 0.0005 for the polynomial schedule, found 1");
  EXPECT_THAT(refusal({"--learning-rate", "1e308", "--scale-lr"}),
              StartsWith("--learning-rate: expected a finite number after --scale-lr"));
  EXPECT_THAT(refusal({"--probe-every", "0"}), StartsWith("--probe-every 0: expected a --stop"));
  EXPECT_EQ(refusal({"--probe-every", "0", "--stop", "steps:2"}), "");
}

}  // namespace
}  // namespace dvar::cli
