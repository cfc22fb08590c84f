// What several ranks learn together, in threads of one process; tests/reference/distribution has them in processes.

#include <atomic>
#include <filesystem>

#include <gtest/gtest.h>

#include "demo.hpp"
#include "thread_ranks.hpp"
#include "training/inversion_probe.hpp"

namespace dvar::training {
namespace {

class inversion_on_ranks_test : public testing::Test {
 protected:
  concept_training begin(std::int64_t batch, const rank_group& group = single_rank()) const {
    inversion_options options = learning_;
    options.batch = batch;
    return {demo_.model, demo_.pictures, demo_.prompts, demo_.initial, options, demo_.workers, group};
  }

  static double difference(const at::Tensor& found, const at::Tensor& expected) {
    return ((found - expected).abs().max() / expected.abs().max()).item<double>();
  }

  demo_inversion demo_{1, 1, {.dtype = at::kDouble}};
  inversion_options learning_{.seed = 7};
};

TEST_F(inversion_on_ranks_test, each_takes_its_share_of_the_same_draws) {
  const inversion_inputs all = begin(6).draw(5);
  thread_ranks{3}.run([&](const rank_group& group) {
    const inversion_inputs mine = begin(2, group).draw(5);
    const inversion_inputs expected = all.part({.first = 2 * group.rank(), .count = 2});
    EXPECT_TRUE(at::equal(mine.pictures, expected.pictures));
    EXPECT_TRUE(at::equal(mine.ids, expected.ids));
    EXPECT_TRUE(at::equal(mine.latent_noise, expected.latent_noise));
    EXPECT_TRUE(at::equal(mine.noise, expected.noise));
    EXPECT_TRUE(at::equal(mine.timesteps, expected.timesteps));
  });
}

// By SGD, whose steps are as small as the gradients: AdamW's first ones make much of last digits.
TEST_F(inversion_on_ranks_test, steps_are_those_of_one_rank_with_all_of_the_batch) {
  learning_.optimizer = sgd_options{.learning_rate = 1e-3, .weight_decay = 1e-2};
  concept_training whole = begin(4);
  std::vector<step_outcome> expected;
  for (std::int64_t step = 1; step <= 10; ++step)
    expected.push_back(whole.take_step(step));
  std::vector<at::Tensor> vectors(2);
  thread_ranks{2}.run([&](const rank_group& group) {
    concept_training inversion = begin(2, group);
    for (std::int64_t step = 1; step <= 10; ++step) {
      const step_outcome outcome = inversion.take_step(step);
      const step_outcome& of_one = expected[static_cast<std::size_t>(step - 1)];
      EXPECT_NEAR(outcome.loss, of_one.loss, 1e-9 * of_one.loss);
      EXPECT_NEAR(outcome.gradient_norm, of_one.gradient_norm, 1e-6 * of_one.gradient_norm);
    }
    vectors[static_cast<std::size_t>(group.rank())] = inversion.vectors().detach().clone();
  });
  EXPECT_LT(difference(vectors[0], whole.vectors().detach()), 1e-9);
  EXPECT_TRUE(at::equal(vectors[0], vectors[1]));
}

// Sharpness-aware minimization evaluates twice, accumulation twice each time.
TEST_F(inversion_on_ranks_test, both_gradients_of_sharpness_aware_steps_are_means) {
  learning_.accumulation = 2;
  learning_.sharpness = sharpness_options{.radius = 0.5};
  concept_training whole = begin(3);
  whole.take_step(1);
  whole.take_step(2);
  thread_ranks{3}.run([&](const rank_group& group) {
    concept_training inversion = begin(1, group);
    inversion.take_step(1);
    inversion.take_step(2);
    EXPECT_LT(difference(inversion.vectors().detach(), whole.vectors().detach()), 1e-9);
  });
}

// One input and three ranks: two of them have nothing to do.
TEST_F(inversion_on_ranks_test, the_probe_is_shared_out) {
  for (const std::int64_t inputs : {1, 3, 4}) {
    const probe_options options{.batch = inputs, .accumulation = 2};
    const double expected = make_probe(begin(1), options)();
    std::vector<double> found(3);
    thread_ranks{3}.run([&](const rank_group& group) {
      const concept_training inversion = begin(1, group);
      found[static_cast<std::size_t>(group.rank())] = make_probe(inversion, options)();
    });
    EXPECT_NEAR(found[0], expected, 1e-12 * expected) << inputs;
    EXPECT_EQ(found, std::vector<double>(3, found[0])) << inputs;
  }
}

TEST_F(inversion_on_ranks_test, one_that_is_interrupted_or_scores_stops_all) {
  const std::filesystem::path folder = std::filesystem::path{testing::TempDir()} / "inversion_on_ranks";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  monitor_options options{.probe = {.batch = 1}, .stopping = {.step_limit = 20}};
  add_stop(options.stopping, "clip:every=2,eps=0.5,patience=2");
  std::atomic<int> scores = 0;
  const auto rule_of = [](const run_result& result) {
    return result.stop ? result.stop->rule : "interrupted";
  };
  const auto run = [&](std::int64_t interrupted_after) {
    std::vector<run_result> results(2);
    thread_ranks{2}.run([&](const rank_group& group) {
      concept_training inversion = begin(1, group);
      std::int64_t steps = 0;
      // The second rank's files cannot be written: it is not to try.
      const run_files files{.trace = group.is_first() ? folder / "trace.jsonl" : "/nowhere/trace.jsonl",
                            .checkpoint = group.is_first() ? folder / "checkpoint" : "/nowhere/checkpoint",
                            .configuration = "{}"};
      std::function<sample_scores()> score;
      if (group.is_first()) score = [&] { return sample_scores{.clip = 1.0 / ++scores}; };
      results[static_cast<std::size_t>(group.rank())] =
          run_inversion(inversion, options, files,
                        {.on_step = [&](const trace_record&) { ++steps; },
                         .interrupted = [&] { return group.rank() == 1 && steps >= interrupted_after; },
                         .score = score});
    });
    EXPECT_EQ(results[0].step, results[1].step);
    EXPECT_EQ(rule_of(results[0]), rule_of(results[1]));
    EXPECT_EQ(results[0].records, results[1].records);
    return results[0];
  };
  const run_result interrupted = run(3);
  EXPECT_FALSE(interrupted.stop);
  EXPECT_EQ(interrupted.step, 3);
  scores = 0;
  const run_result stopped = run(100);
  EXPECT_EQ(stopped.stop->rule, "clip_s");
  EXPECT_EQ(stopped.step, 6);
  EXPECT_EQ(scores, 3) << "of the first rank alone";
}

}  // namespace
}  // namespace dvar::training
