// What can be said of noise schedules without a peer; the numbers are compared with diffusers' in
// tests/parity.
#include "diffusion/noise_schedule.hpp"

#include <limits>

#include "../files.hpp"

namespace dvar::diffusion {
namespace {

using dvar::test::message_of;
using dvar::weights::config_reader;
using nlohmann::json;
using testing::HasSubstr;

config_reader config(const json& value) {
  return {value, "DIR/scheduler_config.json"};
}

TEST(noise_schedule_test, goes_from_picture_to_noise) {
  for (const std::string beta_schedule : {"linear", "scaled_linear", "squaredcos_cap_v2"}) {
    const noise_schedule schedule{
        {.steps = 1000, .beta_start = 1e-4, .beta_end = 0.02, .beta_schedule = beta_schedule, .betas = {}}};
    const at::Tensor& abar = schedule.alphas_cumulative();
    EXPECT_EQ(abar.scalar_type(), at::kDouble);
    EXPECT_GT(abar[0].item<double>(), 0.999) << beta_schedule;
    EXPECT_LT(abar[999].item<double>(), 0.01) << beta_schedule;
    EXPECT_TRUE((abar.diff() < 0).all().item<bool>()) << beta_schedule;
  }
}

TEST(noise_schedule_test, takes_as_many_steps_as_there_are_betas) {
  const auto options = noise_schedule_options::from_config(config({{"trained_betas", {0.5, 0.75}}}));
  const noise_schedule schedule{options};
  EXPECT_EQ(schedule.steps(), 2);
  EXPECT_TRUE(at::equal(schedule.alphas_cumulative(), torch::tensor({0.5, 0.125}, at::kDouble)));
}

TEST(noise_schedule_test, rescales_to_end_without_signal) {
  const auto options = noise_schedule_options::from_config(
      config({{"rescale_betas_zero_snr", true}, {"prediction_type", "v_prediction"}}));
  const noise_schedule plain{{.beta_start = 1e-4, .beta_end = 0.02, .beta_schedule = "linear", .betas = {}}};
  const at::Tensor abar = noise_schedule{options}.alphas_cumulative();
  EXPECT_EQ(abar[-1].item<double>(), 0.0);
  EXPECT_NEAR(abar[0].item<double>(), plain.alphas_cumulative()[0].item<double>(), 1e-6);
  EXPECT_TRUE((abar.diff() < 0).all().item<bool>());
}

TEST(noise_schedule_test, names_an_unsupported_value) {
  const std::vector<std::pair<std::string, json>> values{
      {"num_train_timesteps", 0},
      {"num_train_timesteps", -1},
      {"num_train_timesteps", 100'001},
      {"num_train_timesteps", std::numeric_limits<std::int64_t>::max()},
      {"num_train_timesteps", 10.5},
      {"beta_schedule", "sigmoid"},
      {"beta_start", "0.1"},
      {"beta_start", 0.0},
      {"beta_start", -0.1},
      {"beta_end", 1.0},
      {"beta_end", 1e300},
      {"trained_betas", {0.1, 1.5}},
      {"trained_betas", {0.0}},
      {"trained_betas", std::vector<double>(100'001, 0.1)},
      {"prediction_type", "flow"},
      {"rescale_betas_zero_snr", true}};
  for (const auto& [key, value] : values) {
    const auto given = config({{key, value}});
    EXPECT_THAT(message_of([&] { (void)noise_schedule_options::from_config(given); }),
                HasSubstr("DIR/scheduler_config.json: \"" + key + "\": expected "));
  }
}

TEST(noise_schedule_test, refuses_products_that_single_precision_does_not_hold) {
  const auto refusal = [](const json& value) {
    return message_of([&] { (void)noise_schedule{noise_schedule_options::from_config(config(value))}; });
  };
  // 1 - 1e-9 is 1, and 0.01^20 is 0.
  EXPECT_THAT(refusal({{"trained_betas", {1e-9, 0.5}}}), HasSubstr("found 1 at timestep 0 of 2"));
  EXPECT_THAT(refusal({{"beta_start", 0.99}, {"beta_end", 0.99}}), HasSubstr("found 0 at timestep "));
  EXPECT_THAT(refusal({{"num_train_timesteps", 1},
                       {"rescale_betas_zero_snr", true},
                       {"prediction_type", "v_prediction"}}),
              HasSubstr("before the last, and 0 there"));
}

}  // namespace
}  // namespace dvar::diffusion
