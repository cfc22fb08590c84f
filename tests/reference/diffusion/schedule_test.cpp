// What can be said of noise schedules and samplers without a peer; the numbers are compared with diffusers' in
// tests/parity.
#include "diffusion/ddim_sampler.hpp"

#include "../weights/files.hpp"

namespace dvar::diffusion {
namespace {

using dvar::test::message_of;
using dvar::weights::config_reader;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

config_reader config(const json& value) {
  return {value, "DIR/scheduler_config.json"};
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(noise_schedule, goes_from_picture_to_noise) {
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

TEST(noise_schedule, takes_as_many_steps_as_there_are_betas) {
  const auto options = noise_schedule_options::from_config(config({{"trained_betas", {0.5, 0.75}}}));
  const noise_schedule schedule{options};
  EXPECT_EQ(schedule.steps(), 2);
  EXPECT_TRUE(at::equal(schedule.alphas_cumulative(), torch::tensor({0.5, 0.125}, at::kDouble)));
}

TEST(noise_schedule, names_an_unsupported_value) {
  const std::vector<std::pair<std::string, json>> values{
      {"num_train_timesteps", 0}, {"num_train_timesteps", 10.5}, {"beta_schedule", "sigmoid"},
      {"beta_start", "0.1"},      {"prediction_type", "flow"},   {"rescale_betas_zero_snr", true}};
  for (const auto& [key, value] : values) {
    const auto given = config({{key, value}});
    EXPECT_THAT(message_of([&] { (void)noise_schedule_options::from_config(given); }),
                HasSubstr("DIR/scheduler_config.json: \"" + key + "\": expected "));
  }
}

TEST(ddim_options, names_an_unsupported_value) {
  const std::map<std::string, json> values{
      {"timestep_spacing", "karras"}, {"thresholding", true}, {"clip_sample", 1}, {"steps_offset", "one"}};
  for (const auto& [key, value] : values) {
    const auto given = config({{key, value}});
    EXPECT_THAT(message_of([&] { (void)ddim_options::from_config(given); }),
                HasSubstr("DIR/scheduler_config.json: \"" + key + "\": expected "));
  }
}

TEST(ddim_sampler, refuses_steps_that_the_schedule_does_not_have) {
  const noise_schedule schedule{{.steps = 10, .betas = {}}};
  for (const std::int64_t steps : {-1, 0, 11}) {
    EXPECT_THAT(message_of([&] { (void)ddim_sampler(schedule, {.steps = steps}); }),
                AllOf(HasSubstr("expected 1 to 10"), HasSubstr("found " + std::to_string(steps))));
  }
  EXPECT_THAT(message_of([&] { (void)ddim_sampler(schedule, {.steps = 10, .steps_offset = 1}); }),
              AllOf(HasSubstr("steps_offset 1"), HasSubstr("expected timesteps of 0 to 9, found 1 to 10")));
}

TEST(ddim_sampler, spaces_timesteps) {
  // Lin et al., arXiv 2305.08891, table 2: the columns for T = 1000 and 10 steps, counted from 0 instead of 1.
  const noise_schedule schedule{{.steps = 1000, .betas = {}}};
  const auto timesteps = [&](const std::string& spacing) {
    return ddim_sampler(schedule, {.steps = 10, .timestep_spacing = spacing}).timesteps();
  };
  EXPECT_THAT(timesteps("leading"), ElementsAre(900, 800, 700, 600, 500, 400, 300, 200, 100, 0));
  EXPECT_THAT(timesteps("linspace"), ElementsAre(999, 888, 777, 666, 555, 444, 333, 222, 111, 0));
  EXPECT_THAT(timesteps("trailing"), ElementsAre(999, 899, 799, 699, 599, 499, 399, 299, 199, 99));
}

TEST(ddim_sampler, finds_the_picture_when_the_network_knows_the_noise) {
  // With the true prediction each deterministic step leads to the same picture and noise at a lower timestep.
  for (const prediction predicts : {prediction::epsilon, prediction::velocity, prediction::sample}) {
    const noise_schedule schedule{{.betas = {}, .predicts = predicts}};
    const ddim_sampler sampler{schedule, {.steps = 20}};
    const at::Tensor picture = torch::randn({2, 3, 4, 4}, at::kDouble);
    const at::Tensor noise = torch::randn({2, 3, 4, 4}, at::kDouble);
    const auto at_step = [&](std::size_t i) { return torch::full({2}, sampler.timesteps()[i], at::kLong); };
    at::Tensor sample = schedule.add_noise(picture, noise, at_step(0));
    for (std::size_t i = 0; i < sampler.timesteps().size(); ++i) {
      EXPECT_LT(largest_difference(sample, schedule.add_noise(picture, noise, at_step(i))), 1e-12);
      sample = sampler.step(schedule.target(picture, noise, at_step(i)), i, sample);
    }
    EXPECT_LT(largest_difference(sample, picture), 1e-12);
  }
}

}  // namespace
}  // namespace dvar::diffusion
