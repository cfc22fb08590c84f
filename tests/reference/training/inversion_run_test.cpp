#include "training/inversion_run.hpp"

#include <cmath>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <dvar/trace/json_lines.hpp>

#include "demo.hpp"
#include "error.hpp"
#include "training/checkpoint.hpp"

namespace dvar::training {
namespace {

struct finished {
  run_result result;
  at::Tensor vectors;
  at::Tensor given;
};

class inversion_run_test : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path{testing::TempDir()} /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  run_files files(const std::string& name, bool resume = false) const {
    return {.trace = folder_ / (name + ".jsonl"),
            .checkpoint = folder_ / (name + ".safetensors"),
            .checkpoint_every = 4,
            .resume = resume,
            .configuration = "{}"};
  }
  /// Runs with batches of one, so that a test takes tens of steps a second.
  finished run(const run_files& kept, const monitor_options& options,
               std::optional<std::int64_t> interrupted_after = {},
               const std::function<double(std::int64_t step)>& score = {}) const {
    concept_training inversion{demo_.model, demo_.pictures, demo_.prompts,
                               initial_,    learning_,      demo_.workers};
    std::int64_t steps = kept.resume ? read_newest_checkpoint(kept.checkpoint).saved.step : 0;
    const auto score_next = [&]() -> sample_scores {
      const double value = score(steps + 1);
      return {.clip = value, .others = {{"identity_score", value / 4}, {"text_score", value / 2}}};
    };
    run_result result = run_inversion(
        inversion, options, kept,
        {.on_step = [&](const trace_record& record) { steps = static_cast<std::int64_t>(record.step()); },
         .interrupted = [&] { return interrupted_after && steps >= *interrupted_after; },
         .score = score ? std::function<sample_scores()>{score_next} : std::function<sample_scores()>{}});
    return {std::move(result), inversion.parameters().values().clone(), inversion.given_values().clone()};
  }
  static monitor_options until(std::int64_t limit, std::int64_t probe_every = 1) {
    return {.probe = {.batch = 1}, .probe_every = probe_every, .stopping = {.step_limit = limit}};
  }
  std::vector<nlohmann::json> lines(const std::string& name) const {
    std::vector<nlohmann::json> read;
    std::ifstream file{folder_ / name};
    for (std::string line; std::getline(file, line);)
      read.push_back(nlohmann::json::parse(line));
    return read;
  }

  demo_inversion demo_;
  at::Tensor initial_ = demo_.initial;
  inversion_options learning_{.batch = 1, .seed = 7};
  std::filesystem::path folder_;
};

TEST_F(inversion_run_test, stops_at_the_step_limit_and_says_so) {
  const finished done = run(files("limit"), until(3));
  EXPECT_EQ(done.result.stop->rule, "step_limit");
  EXPECT_EQ(done.result.stop->reason, "the limit of 3 steps is reached");
  EXPECT_EQ(done.result.step, 3);
  ASSERT_EQ(done.result.records.size(), 3U);
  std::ifstream trace_file{folder_ / "limit.jsonl"};
  EXPECT_EQ(read_json_lines(trace_file), done.result.records);
}

// The probe at every step, rarely, of which everything varies, of many inputs, of thirds, or none: the same steps.
TEST_F(inversion_run_test, probing_changes_nothing_of_the_training) {
  const finished plain = run(files("plain"), until(6));
  std::map<std::string, monitor_options> others;
  others["rarely"] = until(6, /*probe_every=*/4);
  others["never"] = until(6, /*probe_every=*/0);
  others["resampled"] = until(6);
  others["resampled"].probe = {.batch = 2,
                               .accumulation = 2,
                               .fixed = probe_sources_from("none", ""),
                               .timesteps = timestep_choice::random};
  others["thirds"] = until(6);
  others["thirds"].probe_thirds = true;
  for (const auto& [name, options] : others) {
    const finished other = run(files(name), options);
    EXPECT_TRUE(at::equal(plain.vectors, other.vectors)) << name;
    for (std::size_t i = 0; i < 6; ++i)
      EXPECT_EQ(plain.result.records[i]["loss"], other.result.records[i]["loss"]) << name;
  }
  EXPECT_FALSE(lines("rarely.jsonl")[0].contains("probe_loss"));
  EXPECT_TRUE(lines("rarely.jsonl")[3].contains("probe_loss"));
  EXPECT_FALSE(lines("never.jsonl")[3].contains("probe_loss"));
}

TEST_F(inversion_run_test, logs_all_thirds_of_the_timesteps) {
  monitor_options options = until(2);
  options.probe = {.batch = 2, .timesteps = timestep_choice::middle_third};
  options.probe_thirds = true;
  run(files("thirds"), options);
  const nlohmann::json line = lines("thirds.jsonl").at(1);
  EXPECT_EQ(line.at("probe_loss_middle"), line.at("probe_loss")) << "the same inputs as the probe's";
  EXPECT_NE(line.at("probe_loss_first"), line.at("probe_loss_middle"));
  EXPECT_NE(line.at("probe_loss_last"), line.at("probe_loss_middle"));
}

/// The probe's loss on other pictures: at its own steps, the same after an interruption, and no bit of the training changes.
TEST_F(inversion_run_test, probes_pictures_that_are_held_out) {
  const finished plain = run(files("plain"), until(6));
  const data::concept_dataset others{
      {.images_dir = DVAR_DEMO "/concepts/frog/held-out",
       .size = 64,
       .template_count = static_cast<std::int64_t>(text::object_templates().size())}};
  learning_.held_out = &others;
  monitor_options options = until(6);
  options.held_out_every = 2;
  const finished whole = run(files("whole"), options);
  EXPECT_TRUE(at::equal(plain.vectors, whole.vectors));
  for (std::size_t i = 0; i < 6; ++i) {
    const trace_record record = whole.result.records[i];
    EXPECT_EQ(record[probe_loss_name], plain.result.records[i][probe_loss_name]);
    EXPECT_EQ(record["held_out_probe_loss"].has_value(), i % 2 == 1) << i;
    EXPECT_NE(record["held_out_probe_loss"], record[probe_loss_name]);
  }
  run(files("part"), options, /*interrupted_after=*/3);
  EXPECT_EQ(run(files("part", /*resume=*/true), options).result.records, whole.result.records);
  options.held_out_every = 0;
  EXPECT_FALSE(run(files("none"), options).result.records[1]["held_out_probe_loss"]);
  EXPECT_THROW(run(files("part", /*resume=*/true), options), input_error) << "another run's";
}

/// A rule on the pictures held out stops the run, says so in the records, and chooses the best embedding.
TEST_F(inversion_run_test, stops_by_pictures_that_are_held_out) {
  monitor_options options = until(20);
  options.held_out_every = 2;
  // Without an improvement by 1, which no loss makes, patience is at its end after the first value and one more.
  add_stop(options.stopping, "held_out:patience:patience=1,min_delta=1");
  EXPECT_THROW(run(files("none"), options), std::invalid_argument);
  const data::concept_dataset others{
      {.images_dir = DVAR_DEMO "/concepts/frog/held-out",
       .size = 64,
       .template_count = static_cast<std::int64_t>(text::object_templates().size())}};
  learning_.held_out = &others;
  const finished whole = run(files("whole"), options);
  ASSERT_TRUE(whole.result.stop);
  EXPECT_EQ(whole.result.stop->rule, "patience");
  EXPECT_EQ(whole.result.step, 4);
  ASSERT_TRUE(whole.result.best);
  EXPECT_EQ(whole.result.best->measure, "held-out probe loss");
  const trace_record record = whole.result.records[static_cast<std::size_t>(whole.result.best->step) - 1];
  EXPECT_EQ(record["held_out_probe_loss"], whole.result.best->value);
  run(files("part"), options, /*interrupted_after=*/3);
  EXPECT_EQ(run(files("part", /*resume=*/true), options).result.records, whole.result.records);
}

/// What the losses on fixed inputs were before the first step is in the first record, also of a run that was interrupted before
/// it, and neither the training nor what a probe draws anew is another for it.
TEST_F(inversion_run_test, records_the_losses_of_the_untouched_model) {
  const data::concept_dataset others{
      {.images_dir = DVAR_DEMO "/concepts/frog/held-out",
       .size = 64,
       .template_count = static_cast<std::int64_t>(text::object_templates().size())}};
  learning_.held_out = &others;
  monitor_options options = until(3, /*probe_every=*/2);
  options.held_out_every = 3;
  options.probe = {.batch = 2, .fixed = probe_sources_from("images", "")};
  const finished whole = run(files("whole"), options);
  const concept_training untouched{demo_.model, demo_.pictures, demo_.prompts,
                                   initial_,    learning_,      demo_.workers};
  auto probe = make_probe(untouched, options.probe);
  auto held_out_probe = make_probe(untouched, *untouched.held_out(), options.probe);
  const trace_record first = whole.result.records[0];
  EXPECT_EQ(first["untouched_probe_loss"], probe());
  EXPECT_EQ(first["untouched_held_out_probe_loss"], held_out_probe());
  EXPECT_FALSE(first[probe_loss_name]);
  EXPECT_FALSE(whole.result.records[1]["untouched_probe_loss"]);
  run(files("part"), options, /*interrupted_after=*/0);
  EXPECT_EQ(run(files("part", /*resume=*/true), options).result.records, whole.result.records);

  // A rate of all but nothing: the first probe has the inputs of the untouched model.
  learning_.optimizer = adamw_options{.learning_rate = 1e-12};
  const finished still = run(files("still"), options);
  EXPECT_NEAR(*still.result.records[1][probe_loss_name], *first["untouched_probe_loss"], 1e-6);

  options.probe_every = 0;
  const finished unprobed = run(files("unprobed"), options);
  EXPECT_FALSE(unprobed.result.records[0]["untouched_probe_loss"]);
  EXPECT_TRUE(unprobed.result.records[0]["untouched_held_out_probe_loss"]);
}

/// Whatever the method, it begins as the untouched model: one zero for all.
TEST_F(inversion_run_test, all_methods_begin_as_the_untouched_model) {
  std::vector<double> losses;
  for (const auto& [name, method] : method_kinds.entries) {
    learning_.method = method;
    losses.push_back(
        run(files(std::string{name}), until(1)).result.records[0]["untouched_probe_loss"].value());
  }
  EXPECT_NEAR(losses[1], losses[0], 1e-6);
  EXPECT_NEAR(losses[2], losses[0], 1e-6);
}

TEST_F(inversion_run_test, keeps_the_best_embedding_by_the_probe) {
  const finished done = run(files("best"), until(6));
  ASSERT_TRUE(done.result.best);
  EXPECT_EQ(done.result.best->measure, "probe loss");
  double lowest = INFINITY;
  std::size_t best_step = 0;
  for (const trace_record& record : done.result.records) {
    const double probe_loss = record[probe_loss_name].value();
    if (probe_loss < lowest) {
      lowest = probe_loss;
      best_step = record.step();
    }
  }
  EXPECT_EQ(done.result.best->value, lowest);
  EXPECT_EQ(done.result.best->step, static_cast<std::int64_t>(best_step));
  EXPECT_TRUE(at::equal(done.result.best->parameters,
                        run(files("until_best"), until(static_cast<std::int64_t>(best_step))).vectors));
}

// Scores by step: an improvement at step 4, and from then on none for two checks in a row.
TEST_F(inversion_run_test, stops_by_the_score_and_keeps_the_best_by_it) {
  monitor_options options = until(100);
  add_stop(options.stopping, "clip:every=2,eps=0.05,patience=2");
  const std::map<std::int64_t, double> scores{{2, 0.5}, {4, 0.6}, {6, 0.62}, {8, 0.61}};
  const finished done = run(files("score"), options, {}, [&](std::int64_t step) { return scores.at(step); });
  EXPECT_EQ(done.result.stop->rule, "clip_s");
  EXPECT_EQ(done.result.step, 8);
  EXPECT_EQ(done.result.best->measure, "CLIP score");
  EXPECT_EQ(done.result.best->step, 6) << "the best of all, however little better";
  EXPECT_TRUE(at::equal(done.result.best->parameters, run(files("until_six"), until(6)).vectors));
  EXPECT_EQ(lines("score.jsonl").at(3).at("clip_score"), 0.6);
  EXPECT_EQ(lines("score.jsonl").at(3).at("identity_score"), 0.15) << "behind it, whatever else was scored";
  EXPECT_EQ(lines("score.jsonl").at(3).at("text_score"), 0.3);
  EXPECT_FALSE(lines("score.jsonl").at(4).contains("clip_score"));
  EXPECT_FALSE(lines("score.jsonl").at(4).contains("text_score"));
  EXPECT_EQ(lines("score.jsonl").at(5).at("clip_score/wait"), 1) << "what the rule on scores reports";
}

TEST_F(inversion_run_test, continues_an_interrupted_run_bit_for_bit) {
  monitor_options options = until(9);
  options.probe = {.batch = 2, .fixed = probe_sources_from("images,timesteps", "")};
  options.probe_thirds = true;
  add_stop(options.stopping, "variance_ratio:window=3,threshold=0.0001");
  add_stop(options.stopping, "clip:every=2,patience=40");
  const auto score = [](std::int64_t step) { return 1.0 / static_cast<double>(step); };
  const finished whole = run(files("whole"), options, {}, score);
  for (const std::int64_t cut : {1, 3, 6}) {
    const finished part = run(files("part"), options, cut, score);
    EXPECT_FALSE(part.result.stop);
    EXPECT_EQ(part.result.step, cut);
    // What is not in the checkpoint is done again.
    std::ofstream{folder_ / "part.jsonl", std::ios::app} << R"({"step":999})" << "\n{\"ste";
    const finished rest = run(files("part", /*resume=*/true), options, {}, score);
    EXPECT_TRUE(at::equal(whole.vectors, rest.vectors)) << cut;
    EXPECT_EQ(whole.result.records, rest.result.records) << cut;
    EXPECT_EQ(lines("whole.jsonl"), lines("part.jsonl")) << cut;
    EXPECT_EQ(whole.result.best->step, rest.result.best->step) << cut;
    EXPECT_TRUE(at::equal(whole.result.best->parameters, rest.result.best->parameters)) << cut;
  }
}

TEST_F(inversion_run_test, a_lora_goes_on_bit_for_bit_and_keeps_its_best) {
  learning_.method = method_kind::dreambooth_lora;
  learning_.lora.learning_rate = 1e-2;
  const finished whole = run(files("whole"), until(7));
  run(files("part"), until(7), /*interrupted_after=*/3);
  const finished rest = run(files("part", /*resume=*/true), until(7));
  EXPECT_TRUE(at::equal(whole.vectors, rest.vectors));
  EXPECT_EQ(lines("whole.jsonl"), lines("part.jsonl"));
  EXPECT_GT(lines("whole.jsonl").at(0).at("unet_lora_norm"), 0.0);
  EXPECT_TRUE(at::equal(whole.result.best->parameters, rest.result.best->parameters));
  EXPECT_EQ(whole.result.best->parameters.numel(), whole.vectors.numel());
}

/// The average of all steps, for every method: no bit of the training changes, and an interrupted run has the same.
TEST_F(inversion_run_test, keeps_the_average_of_what_is_learned) {
  for (const auto& [name, method] : method_kinds.entries) {
    SCOPED_TRACE(name);
    learning_.method = method;
    learning_.average.reset();
    std::vector<at::Tensor> steps;
    for (std::int64_t step = 1; step <= 5; ++step)
      steps.push_back(run(files("plain"), until(step)).vectors.to(at::kDouble));
    learning_.average = {.decay = 0.3};
    const finished whole = run(files("whole"), until(5));
    EXPECT_TRUE(at::equal(whole.vectors.to(at::kDouble), steps.back()));
    // The decays are 0 / 10, 2 / 11, 3 / 12 and then 0.3.
    at::Tensor expected = steps[0];
    const double decays[] = {0.0, 2.0 / 11.0, 0.25, 0.3, 0.3};
    for (std::size_t i = 1; i < 5; ++i)
      expected = decays[i] * expected + (1.0 - decays[i]) * steps[i];
    EXPECT_TRUE(at::allclose(whole.given.to(at::kDouble), expected, 1e-5, 1e-7));
    EXPECT_FALSE(at::equal(whole.given, whole.vectors));
    run(files("part"), until(5), /*interrupted_after=*/2);
    EXPECT_TRUE(at::equal(run(files("part", /*resume=*/true), until(5)).given, whole.given));
  }
}

// SGD with so great a decay that the first update is beyond fp32.
TEST_F(inversion_run_test, an_update_that_overflows_ends_the_run_before_it) {
  learning_.optimizer = sgd_options{.learning_rate = 3e38, .weight_decay = 1e6};
  for (const bool resume : {false, true}) {
    const finished done = run(files("overflow", resume), until(5));
    EXPECT_EQ(done.result.stop->rule, "non_finite");
    EXPECT_EQ(done.result.stop->reason,
              "the update was not finite at step 1; the embedding is that of step 0");
    EXPECT_EQ(done.result.step, 1) << "it stays finished";
    EXPECT_TRUE(at::equal(done.vectors, demo_.initial.flatten()));
    EXPECT_TRUE(at::equal(done.result.best->parameters, demo_.initial.flatten()));
  }
}

TEST_F(inversion_run_test, a_loss_that_is_not_finite_ends_the_run_for_good) {
  initial_ = at::full_like(demo_.initial, std::numeric_limits<float>::quiet_NaN());
  for (const bool resume : {false, true}) {
    const finished done = run(files("poisoned", resume), until(5, /*probe_every=*/0));
    EXPECT_EQ(done.result.stop->rule, "non_finite");
    EXPECT_EQ(done.result.stop->reason,
              "the loss or its gradient was not finite at step 1; the embedding is that of step 0");
    EXPECT_EQ(done.result.step, 1);
    EXPECT_FALSE(done.result.best);
  }
}

TEST_F(inversion_run_test, a_probe_that_is_not_finite_takes_the_step_back) {
  learning_.optimizer = sgd_options{.learning_rate = 1e37};
  learning_.average.emplace();
  for (const bool resume : {false, true}) {
    const finished done = run(files("probe", resume), until(5));
    EXPECT_TRUE(at::equal(done.given, demo_.initial.flatten()));
    EXPECT_EQ(done.result.stop->rule, "non_finite");
    EXPECT_EQ(done.result.stop->reason,
              "the probe loss was not finite at step 1; the embedding is that of step 0");
    EXPECT_TRUE(done.result.stop->diverged);
    EXPECT_TRUE(at::equal(done.vectors, demo_.initial.flatten()));
  }
}

TEST_F(inversion_run_test, an_embedding_far_from_all_words_takes_the_step_back) {
  learning_.optimizer = adamw_options{.learning_rate = 1e4};
  for (const bool resume : {false, true}) {
    const finished done = run(files("norm", resume), until(5, /*probe_every=*/0));
    EXPECT_EQ(done.result.stop->rule, "embedding_norm");
    EXPECT_EQ(done.result.step, 1);
    EXPECT_TRUE(done.result.stop->diverged);
    EXPECT_TRUE(at::equal(done.vectors, demo_.initial.flatten()));
    EXPECT_FALSE(done.result.best);
  }
}

TEST_F(inversion_run_test, goes_on_from_the_checkpoint_before_a_damaged_one) {
  const finished whole = run(files("whole"), until(10));
  run(files("part"), until(10), /*interrupted_after=*/6);
  std::ofstream{folder_ / "part.safetensors", std::ios::binary | std::ios::trunc} << "damaged";
  const finished rest = run(files("part", /*resume=*/true), until(10));
  EXPECT_TRUE(at::equal(whole.vectors, rest.vectors));
  EXPECT_EQ(whole.result.records, rest.result.records);
}

TEST_F(inversion_run_test, a_checkpoint_of_another_step_than_its_trace_is_refused) {
  run(files("part"), until(10), /*interrupted_after=*/3);
  checkpoint changed = read_checkpoint(files("part").checkpoint);
  changed.step = 4;
  write_checkpoint(files("part").checkpoint, changed);
  EXPECT_THROW(run(files("part", /*resume=*/true), until(10)), input_error);
}

TEST_F(inversion_run_test, no_infinite_score_is_the_best) {
  monitor_options options = until(4);
  options.stopping.score_every = 1;
  const std::map<std::int64_t, double> scores{{1, INFINITY}, {2, 0.5}, {3, -std::nan("")}, {4, 0.4}};
  const finished done = run(files("scores"), options, {}, [&](std::int64_t step) { return scores.at(step); });
  EXPECT_EQ(done.result.best->step, 2);
  EXPECT_EQ(done.result.best->value, 0.5);
  EXPECT_EQ(lines("scores.jsonl").at(0).at("clip_score"), "inf");
  EXPECT_EQ(lines("scores.jsonl").at(2).at("clip_score"), "nan") << "what the reader takes, without a sign";
}

TEST_F(inversion_run_test, a_finished_run_stays_finished) {
  const finished done = run(files("done"), until(3));
  const finished again = run(files("done", /*resume=*/true), until(3));
  EXPECT_EQ(again.result.stop->reason, done.result.stop->reason);
  EXPECT_TRUE(at::equal(done.vectors, again.vectors));
  EXPECT_EQ(lines("done.jsonl").size(), 3U);
}

/// A run that stopped by one thing goes on until another, and is in all its parts as one that had been asked for that at once.
TEST_F(inversion_run_test, goes_on_behind_its_end_bit_for_bit) {
  monitor_options first = until(5);
  first.probe = {.batch = 2, .fixed = probe_sources_from("images,timesteps", "")};
  first.probe_thirds = true;
  first.stopping.score_every = 2;
  add_stop(first.stopping, "patience:patience=90");
  monitor_options longer = first;
  longer.stopping.step_limit = 9;
  monitor_options other_rules = longer;
  other_rules.stopping.probe_rules.clear();
  add_stop(other_rules.stopping, "variance_ratio:window=3,threshold=0.0001");
  add_stop(other_rules.stopping, "clip:every=2,patience=40");
  const auto score = [](std::int64_t step) { return 1.0 / static_cast<double>(step); };
  for (const monitor_options& options : {longer, other_rules}) {
    const finished whole = run(files("whole"), options, {}, score);
    run(files("part"), first, {}, score);
    run_files extended = files("part", /*resume=*/true);
    extended.configuration = R"({"longer": 1})";
    extended.former = {"{}", first.stopping};
    const finished rest = run(extended, options, {}, score);
    EXPECT_TRUE(at::equal(whole.vectors, rest.vectors));
    EXPECT_EQ(whole.result.step, rest.result.step);
    EXPECT_EQ(whole.result.stop->reason, rest.result.stop->reason);
    EXPECT_EQ(whole.result.records, rest.result.records);
    EXPECT_EQ(lines("whole.jsonl"), lines("part.jsonl"));
    EXPECT_EQ(whole.result.best->step, rest.result.best->step);
    EXPECT_TRUE(at::equal(whole.result.best->parameters, rest.result.best->parameters));
    EXPECT_EQ(read_checkpoint(files("whole").checkpoint).monitor,
              read_checkpoint(files("part").checkpoint).monitor);
    EXPECT_EQ(read_checkpoint(files("part").checkpoint).configuration, extended.configuration);
  }
}

TEST_F(inversion_run_test, does_not_go_on_behind_what_would_have_been_its_end) {
  run(files("part"), until(6));
  run_files shorter = files("part", /*resume=*/true);
  shorter.configuration = R"({"shorter": 1})";
  shorter.former = {"{}", until(6).stopping};
  EXPECT_THAT(
      [&] { run(shorter, until(4)); },
      testing::ThrowsMessage<input_error>(
          "--resume: the run is at step 6, and would have stopped at step 4 by these options: the limit of 4 "
          "steps is reached"));
  EXPECT_EQ(lines("part.jsonl").size(), 6U);
  EXPECT_EQ(read_checkpoint(shorter.checkpoint).configuration, "{}");
  // At the very step where it stands, there is nothing left to do.
  monitor_options by_rule = until(9);
  add_stop(by_rule.stopping, "threshold:limit=1000,after=5");
  const finished done = run(shorter, by_rule);
  EXPECT_EQ(done.result.step, 6);
  EXPECT_EQ(done.result.stop->rule, "threshold");
}

TEST_F(inversion_run_test, what_has_diverged_does_not_go_on) {
  learning_.optimizer = adamw_options{.learning_rate = 1e4};
  run(files("norm"), until(5, /*probe_every=*/0));
  run_files longer = files("norm", /*resume=*/true);
  longer.configuration = R"({"longer": 1})";
  longer.former = {"{}", until(5).stopping};
  EXPECT_THAT([&] { run(longer, until(9, /*probe_every=*/0)); },
              testing::ThrowsMessage<input_error>(testing::HasSubstr("diverged at step 1")));
}

TEST_F(inversion_run_test, refuses_a_checkpoint_of_a_run_with_other_options) {
  run(files("other"), until(2));
  run_files changed = files("other", /*resume=*/true);
  changed.configuration = R"({"seed": 8})";
  EXPECT_THROW(run(changed, until(2)), input_error);
  monitor_options another_rule = until(2);
  add_stop(another_rule.stopping, "dvar:v1");
  EXPECT_THROW(run(files("other", /*resume=*/true), another_rule), input_error);
}

/// Every wrapper and joint: the record has the numbers of the rule that runs, and the run stops by these.
TEST_F(inversion_run_test, records_the_numbers_of_the_rule_that_runs) {
  for (const char* const text :
       {"dvar:window=3,threshold=0.9", "dvar:window=3,threshold=0.9,after=6",
        "dvar:window=3,threshold=0.9,despiked=3", "dvar:window=3,threshold=0.9,every=2",
        "dvar:window=3,threshold=0.9,consecutive=2", "dvar:window=3,threshold=0.9&step_limit:limit=5"}) {
    SCOPED_TRACE(text);
    monitor_options options = until(12);
    add_stop(options.stopping, text);
    const finished done = run(files("numbers"), options);
    any_criterion rule = make_rule(parse_stop(text));
    for (const trace_record& record : done.result.records) {
      const verdict expected = rule.observe(record[probe_loss_name].value(), record.step());
      for (const reported_value& number : reported_values(rule))
        EXPECT_EQ(record[number.name], number.value) << number.name << " at " << record.step();
      EXPECT_EQ(expected.stop, done.result.stop->rule != "step_limit" &&
                                   record.step() == static_cast<std::size_t>(done.result.step));
    }
    ASSERT_EQ(done.result.judged.size(), 1U);
    EXPECT_EQ(done.result.judged.front().name, "ratio");
    EXPECT_EQ(done.result.judged.front().stops.bound, 0.9);
  }
}

TEST_F(inversion_run_test, numbers_of_two_rules_of_a_kind_have_their_place_before_them) {
  monitor_options options = until(4);
  add_stop(options.stopping, "dvar:window=2,threshold=0.0001");
  add_stop(options.stopping, "dvar:window=3,threshold=0.0001");
  run(files("two"), options);
  const nlohmann::json line = lines("two.jsonl").at(3);
  EXPECT_FALSE(line.contains("ratio"));
  EXPECT_NE(line.at("variance_ratio_1/ratio"), line.at("variance_ratio_2/ratio"));
}

}  // namespace
}  // namespace dvar::training
