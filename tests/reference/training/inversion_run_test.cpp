#include "training/inversion_run.hpp"

#include <gtest/gtest.h>

#include <dvar/trace/json_lines.hpp>
#include <fstream>

#include "demo.hpp"
#include "error.hpp"

namespace dvar::training {
namespace {

struct finished {
  run_result result;
  at::Tensor vectors;
};

class InversionRunTest : public testing::Test {
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
  finished run(const run_files& where, std::int64_t limit, std::int64_t probe_every = 1,
               std::optional<std::int64_t> interrupted_after = {}) const {
    textual_inversion inversion = demo_.begin();
    std::int64_t steps = 0;
    run_result result = run_inversion(
        inversion, {}, probe_every, {.step_limit = limit}, where,
        [&](const trace_record&, const verdict&) { ++steps; },
        [&] { return interrupted_after && steps >= *interrupted_after; });
    return {std::move(result), inversion.vectors().detach().clone()};
  }

  demo_inversion demo_;
  std::filesystem::path folder_;
};

TEST_F(InversionRunTest, StopsAtTheStepLimitAndSaysSo) {
  const finished done = run(files("limit"), 3);
  EXPECT_EQ(done.result.stop_reason, "step_limit");
  EXPECT_EQ(done.result.step, 3);
  ASSERT_EQ(done.result.records.size(), 3U);
  std::ifstream trace_file{folder_ / "limit.jsonl"};
  EXPECT_EQ(read_json_lines(trace_file), done.result.records);
}

TEST_F(InversionRunTest, ProbingChangesNothingOfTheTraining) {
  const finished every_step = run(files("every"), 6, /*probe_every=*/1);
  const finished rarely = run(files("rarely"), 6, /*probe_every=*/5);
  EXPECT_TRUE(at::equal(every_step.vectors, rarely.vectors));
  EXPECT_FALSE(rarely.result.records.front().probe_loss.has_value());
}

TEST_F(InversionRunTest, ContinuesAnInterruptedRunBitForBit) {
  const finished whole = run(files("whole"), 7);
  const finished part = run(files("part"), 7, 1, /*interrupted_after=*/3);
  EXPECT_TRUE(part.result.interrupted);
  EXPECT_EQ(part.result.step, 3);
  const finished rest = run(files("part", /*resume=*/true), 7);
  EXPECT_TRUE(at::equal(whole.vectors, rest.vectors));
  EXPECT_EQ(whole.result.records, rest.result.records);
  std::ifstream trace_file{folder_ / "part.jsonl"};
  EXPECT_EQ(read_json_lines(trace_file), whole.result.records);
}

TEST_F(InversionRunTest, RefusesACheckpointOfARunWithOtherOptions) {
  run(files("other"), 2);
  run_files changed = files("other", /*resume=*/true);
  changed.configuration = R"({"seed": 8})";
  EXPECT_THROW(run(changed, 2), input_error);
}

TEST(StratifiedTimesteps, TakesOneOfEveryPart) {
  std::mt19937_64 random{1};
  for (int trial = 0; trial < 100; ++trial) {
    const std::vector<std::int64_t> timesteps = stratified_timesteps(4, 1000, random);
    ASSERT_EQ(timesteps.size(), 4U);
    for (std::size_t i = 0; i < 4; ++i)
      EXPECT_EQ(timesteps[i] / 250, static_cast<std::int64_t>(i));
  }
}

}  // namespace
}  // namespace dvar::training
