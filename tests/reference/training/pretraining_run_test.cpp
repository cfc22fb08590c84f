#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error.hpp"
#include "training/pretraining/run.hpp"
#include "weights/atomic_file.hpp"

namespace dvar::training {
namespace {

const run_options options{
    .rounds = {{.until = 6, .peak_rate = 0.1, .batch = 8}}, .warm_up = 2, .average_decay = 0.5};

std::map<std::string, at::Tensor> fresh() {
  return {{"p", torch::tensor({1.0F, -2.0F})}};
}

/// Trains on a loss with noise of the step's own, so that a shifted step would show.
void advance(pretraining_run& run, const at::Tensor& p, std::int64_t steps) {
  for (std::int64_t i = 0; i < steps && !run.finished(); ++i) {
    auto [engine, generator] = run.random();
    run.update((p - torch::empty({2}).normal_(0.0, 1.0, generator)).square().sum());
  }
}

std::filesystem::path empty_place(const std::string& name) {
  std::filesystem::path file = std::filesystem::path{testing::TempDir()} / name;
  std::filesystem::remove(file);
  return file;
}

TEST(pretraining_run_test, goes_on_from_its_checkpoint_bit_for_bit) {
  const auto whole = fresh();
  pretraining_run uninterrupted{whole, options, empty_place("whole.safetensors")};
  advance(uninterrupted, whole.at("p"), 6);

  const std::filesystem::path file = empty_place("part.safetensors");
  const auto first = fresh();
  pretraining_run before{first, options, file};
  advance(before, first.at("p"), 3);
  before.save_checkpoint();
  const auto second = fresh();
  pretraining_run after{second, options, file};
  EXPECT_EQ(after.step(), 3);
  advance(after, second.at("p"), 6);
  EXPECT_TRUE(after.finished());
  EXPECT_TRUE(at::equal(whole.at("p"), second.at("p")));
  EXPECT_TRUE(at::equal(uninterrupted.result().at("p"), after.result().at("p")));
}

TEST(pretraining_run_test, goes_on_when_a_finished_run_is_given_another_round) {
  const std::filesystem::path file = empty_place("rounds.safetensors");
  const auto parameters = fresh();
  pretraining_run first{parameters, options, file};
  advance(first, parameters.at("p"), 6);
  ASSERT_TRUE(first.finished());
  const at::Tensor kept = parameters.at("p").detach().clone();

  run_options longer = options;
  longer.rounds.push_back({.until = 8, .peak_rate = 0.1});
  pretraining_run second{parameters, longer, file};
  EXPECT_EQ(second.step(), 6);
  EXPECT_FALSE(second.finished());
  advance(second, parameters.at("p"), 8);
  EXPECT_TRUE(second.finished());
  // The rate is at its peak again: AdamW moves each number by about the rate at once.
  EXPECT_GT((parameters.at("p") - kept).abs().max().item<double>(), 0.02);
}

TEST(pretraining_run_test, skips_to_the_last_round_and_warms_up_anew) {
  run_options two_rounds = options;
  two_rounds.rounds.push_back({.until = 10, .peak_rate = 0.1, .batch = 32});
  const auto parameters = fresh();
  pretraining_run run{parameters, two_rounds, empty_place("skipped.safetensors")};
  EXPECT_EQ(run.batch(), 8);
  run.skip_to_last_round();
  EXPECT_EQ(run.step(), 6);
  EXPECT_EQ(run.batch(), 32);
  run.update(parameters.at("p").sum());
  // The first of two updates of warm-up: AdamW moves each number by half of the rate, and decays it by a hundredth of that.
  EXPECT_NEAR(parameters.at("p")[0].item<double>(), 1.0 - 0.05 - 0.0005, 1e-6);
  EXPECT_NEAR(parameters.at("p")[1].item<double>(), -2.0 - 0.05 + 0.001, 1e-6);
}

TEST(pretraining_run_test, the_average_of_a_skipped_round_begins_at_the_parameters) {
  run_options two_rounds = options;
  two_rounds.rounds.push_back({.until = 10, .peak_rate = 0.1});
  const auto parameters = fresh();
  pretraining_run run{parameters, two_rounds, empty_place("adopted.safetensors")};
  {
    const at::NoGradGuard no_gradient;
    parameters.at("p").fill_(7.0);
  }
  run.skip_to_last_round();
  EXPECT_TRUE(at::equal(run.result().at("p"), torch::full({2}, 7.0)));
}

TEST(pretraining_run_test, trains_through_copies_in_another_type) {
  const auto parameters = fresh();
  pretraining_run run{parameters, options, empty_place("copies.safetensors")};
  const at::Tensor copy = run.working_copies(at::kBFloat16).parameter("p", {2}, {});
  EXPECT_EQ(copy.scalar_type(), at::kBFloat16);
  advance(run, copy, 6);
  // What bf16 cannot show is kept: the copy is the rounded parameter, which is not a number of bf16.
  EXPECT_TRUE(at::equal(copy.detach(), parameters.at("p").detach().to(at::kBFloat16)));
  EXPECT_FALSE(at::equal(copy.detach().to(at::kFloat), parameters.at("p").detach()));

  // Gradients of a loss that is linear in the parameters are numbers of bf16: nothing is lost then.
  const auto plain = fresh();
  pretraining_run directly{plain, options, empty_place("directly.safetensors")};
  const auto copied = fresh();
  pretraining_run through_copies{copied, options, empty_place("through.safetensors")};
  const at::Tensor leaf = through_copies.working_copies(at::kBFloat16).parameter("p", {2}, {});
  for (int i = 0; i < 6; ++i) {
    directly.update((plain.at("p") * 3.0).sum());
    through_copies.update((leaf * 3.0).sum());
  }
  EXPECT_TRUE(at::equal(plain.at("p"), copied.at("p")));
}

/// Reads a recipe of one part, which fits but for what is given.
run_options read(const std::string& rounds, const std::string& peak_rates,
                 const std::string& batches = "[8, 16]") {
  const std::filesystem::path file = empty_place("recipe.json");
  weights::write_atomically(file, R"({"rounds": )" + rounds + R"(, "peak_rates": )" + peak_rates +
                                      R"(, "batches": )" + batches + R"(, "seed": 3})");
  return run_options::from_config(weights::config_reader{file});
}

TEST(pretraining_run_test, reads_its_rounds_from_the_recipe) {
  const run_options read_options = read("[100, 250]", "[0.002, 0.001]");
  ASSERT_EQ(read_options.rounds.size(), 2U);
  EXPECT_EQ(read_options.rounds[1].until, 250);
  EXPECT_EQ(read_options.rounds[1].peak_rate, 0.001);
  EXPECT_EQ(read_options.rounds[1].batch, 16);
  EXPECT_EQ(read_options.steps(), 250);
}

TEST(pretraining_run_test, refuses_rounds_that_cannot_be) {
  const auto refused_for = [](const std::string& key) {
    return testing::ThrowsMessage<input_error>(
        testing::AllOf(testing::HasSubstr("recipe.json"), testing::HasSubstr(key)));
  };
  for (const std::string rounds : {"[]", "[0, 10]", "[20, 10]", "[10, 10]"})
    EXPECT_THAT([&] { read(rounds, "[0.1, 0.1]"); }, refused_for("rounds")) << rounds;
  for (const std::string rates : {"[0.1]", "[0.1, 0.1, 0.1]"})
    EXPECT_THAT([&] { read("[10, 20]", rates); }, refused_for("peak_rates")) << rates;
  for (const std::string batches : {"[8]", "[8, 0]", "[]"})
    EXPECT_THAT([&] { read("[10, 20]", "[0.1, 0.1]", batches); }, refused_for("batches")) << batches;
}

TEST(pretraining_run_test, exchanging_the_average_twice_changes_nothing) {
  const auto parameters = fresh();
  pretraining_run run{parameters, options, empty_place("exchange.safetensors")};
  advance(run, parameters.at("p"), 3);
  const at::Tensor kept = parameters.at("p").detach().clone();
  run.exchange_average();
  EXPECT_FALSE(at::equal(kept, parameters.at("p")));
  run.exchange_average();
  EXPECT_TRUE(at::equal(kept, parameters.at("p")));
}

TEST(pretraining_run_test, refuses_a_checkpoint_of_other_shapes) {
  const std::filesystem::path file = empty_place("shapes.safetensors");
  pretraining_run{fresh(), options, file}.save_checkpoint();
  EXPECT_THROW((pretraining_run{{{"p", torch::zeros({3})}}, options, file}), input_error);
}

}  // namespace
}  // namespace dvar::training
