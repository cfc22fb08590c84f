#include "training/memory_estimate.hpp"

#include <algorithm>

#include <c10/util/ThreadLocalDebugInfo.h>
#include <gtest/gtest.h>

#include "demo.hpp"

namespace dvar::training {
namespace {

/// Counts the bytes of tensors on the CPU, as LibTorch's profiler does.
class cpu_memory : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, std::int64_t bytes, std::size_t, std::size_t, c10::Device) override {
    held_ += bytes;
    peak_ = std::max(peak_, held_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  std::int64_t held() const { return held_; }
  std::int64_t peak() const { return peak_; }

 private:
  std::int64_t held_ = 0;
  std::int64_t peak_ = 0;
};

struct counted {
  std::int64_t held;
  std::int64_t peak;
};

/// Returns what `work` holds in the end, and the most that it held.
template <class Work>
counted count(Work work) {
  const auto memory = std::make_shared<cpu_memory>();
  const c10::DebugInfoGuard counting{c10::DebugInfoKind::PROFILER_STATE, memory};
  work();
  return {memory->held(), memory->peak()};
}

/// Expects an estimate within a tenth.
void expect_near(std::int64_t estimated, std::int64_t measured) {
  EXPECT_NEAR(static_cast<double>(estimated) / static_cast<double>(measured), 1.0, 0.1);
}

class memory_estimate_test : public testing::Test {
 protected:
  memory_estimate estimate(const memory_question& question, const models::placement& placement = {}) const {
    return estimate_memory(open_shapes(files_, placement), pictures_, question);
  }

  weights::model_files files_ = weights::open_model_files(DVAR_DEMO "/model");
  data::concept_dataset pictures_{
      {.images_dir = DVAR_DEMO "/concepts/frog",
       .size = 64,
       .template_count = static_cast<std::int64_t>(text::object_templates().size())}};
};

TEST_F(memory_estimate_test, is_what_tensors_hold_on_the_cpu) {
  for (const bool checkpointing : {false, true}) {
    SCOPED_TRACE(checkpointing);
    const models::placement placement{.execution = {.gradient_checkpointing = checkpointing}};
    std::optional<demo_inversion> demo;
    const counted opened = count([&] { demo.emplace(1, 1, placement); });
    const concept_training inversion = demo->begin();
    const inversion_inputs inputs = inversion.draw(1);
    const counted step = count([&] { inversion.evaluate(inputs); });
    const counted probe = count([&] {
      const at::NoGradGuard no_gradient;
      inversion.evaluate(inputs);
    });
    const memory_estimate found = estimate({}, placement);
    expect_near(found.networks, opened.held);
    expect_near(found.step, step.peak);
    expect_near(found.probe, probe.peak);
  }
}

TEST_F(memory_estimate_test, of_a_lora_is_what_tensors_hold_too) {
  const lora_options in_all_layers{
      .rank = 8, .layers = lora_layers::full, .dropout = 0.5, .text_encoder = true};
  for (const lora_options& lora : {lora_options{.rank = 8}, in_all_layers}) {
    for (const bool checkpointing : {false, true}) {
      SCOPED_TRACE(checkpointing);
      const models::placement placement{.execution = {.gradient_checkpointing = checkpointing}};
      const demo_inversion demo{1, 1, placement};
      const inversion_options options{.method = method_kind::dreambooth_lora, .lora = lora};
      const concept_training training{demo.model,   demo.pictures, demo.prompts,
                                      demo.initial, options,       demo.workers};
      const inversion_inputs inputs = training.draw(1);
      const counted step = count([&] { training.evaluate(inputs); });
      // The last step's gradient, in fp32, is held beside that of this one.
      const std::int64_t kept = 4 * training.parameters().size();
      expect_near(estimate({.inversion = options}, placement).step, step.peak + kept);
    }
  }
}

TEST_F(memory_estimate_test, an_average_takes_what_is_learned_once_more) {
  inversion_options options{.method = method_kind::dreambooth_lora, .lora = {.rank = 8}};
  const memory_estimate without = estimate({.inversion = options});
  options.average.emplace();
  const memory_estimate with = estimate({.inversion = options});
  const demo_inversion demo;
  const concept_training training{demo.model,   demo.pictures, demo.prompts,
                                  demo.initial, options,       demo.workers};
  const std::int64_t numbers = training.parameters().size();
  EXPECT_NEAR(static_cast<double>(with.parameters - without.parameters), 4.0 * static_cast<double>(numbers),
              64);
  EXPECT_EQ(with.step, without.step);
}

TEST_F(memory_estimate_test, vectors_that_keep_their_norm_take_no_more) {
  for (const token_update kind : {token_update::norm_preserving, token_update::directional}) {
    const memory_estimate found = estimate({.inversion = {.token_updates = {.kind = kind}}});
    EXPECT_EQ(found.step, estimate({}).step);
    EXPECT_LE(found.parameters, estimate({}).parameters);
  }
}

TEST_F(memory_estimate_test, half_the_digits_take_half_the_memory) {
  const memory_estimate wide = estimate({});
  const memory_estimate half = estimate({}, {.dtype = at::kBFloat16});
  EXPECT_NEAR(static_cast<double>(half.networks) / static_cast<double>(wide.networks), 0.5, 0.001);
  EXPECT_LT(half.step, 0.6 * static_cast<double>(wide.step));
}

TEST_F(memory_estimate_test, micro_batches_of_all_workers_are_held_at_once) {
  const auto step = [&](std::int64_t micro_batch, std::int64_t workers) {
    return estimate({.inversion = {.batch = 8, .micro_batch = micro_batch}, .workers = workers}).step;
  };
  EXPECT_LT(step(1, 1), 0.3 * static_cast<double>(step(8, 1)));
  EXPECT_EQ(step(2, 2), step(4, 1));
  EXPECT_EQ(step(8, 4), step(8, 1)) << "there are no more than the batch has";
}

TEST_F(memory_estimate_test, a_batch_that_no_machine_holds_costs_nothing_to_estimate) {
  EXPECT_GT(estimate({.inversion = {.batch = 1'000'000'000}}).most(), std::int64_t{1} << 40);
  EXPECT_THROW(estimate({.inversion = {.batch = 1'000'000'000'000'000'000}}), c10::Error);
}

TEST_F(memory_estimate_test, most_adds_what_is_held_together) {
  memory_estimate parts{.networks = 100, .encoding = 20, .step = 50, .probe = 30, .samples = 40};
  EXPECT_EQ(parts.most(), 150);
  parts.keeps_steps = true;
  EXPECT_EQ(parts.most(), 190) << "samples beside a recorded step";
  parts.encoding = 200;
  EXPECT_EQ(parts.most(), 300);
}

}  // namespace
}  // namespace dvar::training
