// What can be said of samplers without a peer; the numbers are compared with diffusers' in tests/parity.
#include <cmath>
#include <limits>
#include <stdexcept>

#include "../files.hpp"
#include "diffusion/sampling_method.hpp"

namespace dvar::diffusion {
namespace {

using dvar::test::message_of;
using dvar::weights::config_reader;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

config_reader scheduler_config(const json& value) {
  return {value, "DIR/scheduler_config.json"};
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

constexpr std::array methods{sampling_method::ddim, sampling_method::pndm, sampling_method::dpm_solver,
                             sampling_method::euler, sampling_method::euler_ancestral};

TEST(sampling_method_test, is_named_by_the_user_and_by_the_file) {
  EXPECT_EQ(sampling_method_named("dpm++"), sampling_method::dpm_solver);
  EXPECT_EQ(sampling_method_named("DDIM"), std::nullopt);
  for (const sampling_method method : methods)
    EXPECT_EQ(sampling_method_named(name_of(method)), method);
  EXPECT_EQ(sampling_method_in(scheduler_config({{"_class_name", "PNDMScheduler"}})), sampling_method::pndm);
  EXPECT_EQ(sampling_method_in(scheduler_config({{"_class_name", "EulerDiscreteScheduler"}})),
            sampling_method::euler);
  EXPECT_EQ(sampling_method_in(scheduler_config({{"_class_name", "HeunDiscreteScheduler"}})), std::nullopt);
  EXPECT_EQ(sampling_method_in(scheduler_config(json::object())), std::nullopt);
}

TEST(make_sampler_test, names_an_unsupported_value) {
  const std::vector<std::tuple<sampling_method, std::string, json>> values{
      {sampling_method::ddim, "timestep_spacing", "karras"},
      {sampling_method::ddim, "thresholding", true},
      {sampling_method::ddim, "clip_sample", 1},
      {sampling_method::ddim, "steps_offset", "one"},
      {sampling_method::pndm, "timestep_spacing", "karras"},
      {sampling_method::pndm, "skip_prk_steps", 1},
      {sampling_method::dpm_solver, "algorithm_type", "sde-dpmsolver++"},
      {sampling_method::dpm_solver, "solver_order", 3},
      {sampling_method::dpm_solver, "solver_type", "bh2"},
      {sampling_method::dpm_solver, "final_sigmas_type", "one"},
      {sampling_method::dpm_solver, "thresholding", true},
      {sampling_method::dpm_solver, "use_lu_lambdas", true},
      {sampling_method::dpm_solver, "variance_type", "learned"},
      {sampling_method::dpm_solver, "lambda_min_clipped", -5.1},
      {sampling_method::euler, "timestep_spacing", "karras"},
      {sampling_method::euler, "final_sigmas_type", "one"},
      {sampling_method::euler, "interpolation_type", "log_linear"},
      {sampling_method::euler, "timestep_type", "continuous"},
      {sampling_method::euler, "use_exponential_sigmas", true},
      {sampling_method::euler, "use_beta_sigmas", true},
      {sampling_method::euler, "sigma_min", 0.1},
      {sampling_method::euler, "sigma_max", 10.0},
      {sampling_method::euler_ancestral, "timestep_spacing", "karras"}};
  for (const auto& [method, key, value] : values) {
    EXPECT_THAT(message_of([&] {
                  (void)make_sampler(method, noise_schedule{{.betas = {}}}, scheduler_config({{key, value}}),
                                     10);
                }),
                HasSubstr("DIR/scheduler_config.json: \"" + key + "\": expected "));
  }
  const noise_schedule of_samples{{.betas = {}, .predicts = prediction::sample}};
  for (const sampling_method method : {sampling_method::pndm, sampling_method::euler_ancestral}) {
    EXPECT_THAT(
        message_of([&] { (void)make_sampler(method, of_samples, scheduler_config(json::object()), 10); }),
        AllOf(
            HasSubstr("the sampler " + std::string{name_of(method)}),
            HasSubstr("expected a network whose prediction_type is epsilon or v_prediction, found sample")));
  }
}

TEST(make_sampler_test, refuses_an_eta_that_would_be_ignored) {
  const noise_schedule schedule{{.betas = {}}};
  EXPECT_TRUE(make_sampler(sampling_method::ddim, schedule, scheduler_config(json::object()), 10, 0.5)
                  ->draws_noise());
  EXPECT_FALSE(
      make_sampler(sampling_method::ddim, schedule, scheduler_config(json::object()), 10)->draws_noise());
  for (const sampling_method method : methods) {
    EXPECT_THAT(
        message_of([&] { (void)make_sampler(method, schedule, scheduler_config(json::object()), 10, -0.5); }),
        AllOf(HasSubstr("eta: expected "), HasSubstr("found -0.5")));
    if (method == sampling_method::ddim) continue;
    EXPECT_THAT(
        message_of([&] { (void)make_sampler(method, schedule, scheduler_config(json::object()), 10, 1.0); }),
        HasSubstr("eta: expected 0 with any sampler but ddim, found 1"));
  }
}

TEST(make_sampler_test, refuses_an_eta_that_gives_no_number) {
  // 1 - abar - sigma^2 of equation 12 is below 0 for an eta beyond 1.
  const noise_schedule schedule{{.betas = {}}};
  for (const double eta : {-1e-9, 1.0 + 1e-9, 2.0, std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(message_of([&] {
                  (void)make_sampler(sampling_method::ddim, schedule, scheduler_config(json::object()), 10,
                                     eta);
                }),
                HasSubstr("eta: expected a number from 0 to 1, found "));
  }
  // At 1 itself every step of any number of them is finite.
  for (const std::int64_t steps : {1, 7, 1000}) {
    const auto sampler =
        make_sampler(sampling_method::ddim, schedule, scheduler_config(json::object()), steps, 1.0);
    at::Tensor sample = torch::randn({4}, at::kDouble);
    for (std::int64_t i = 0; i < steps; ++i)
      sample = sampler->step(torch::randn({4}, at::kDouble), sample, torch::randn({4}, at::kDouble));
    EXPECT_TRUE(at::isfinite(sample).all().item<bool>()) << steps;
  }
}

TEST(make_sampler_test, refuses_pndm_on_a_schedule_without_signal_at_its_end) {
  const noise_schedule schedule{{.betas = {}, .predicts = prediction::velocity, .rescale_to_zero_snr = true}};
  EXPECT_THAT(
      message_of([&] {
        (void)make_sampler(sampling_method::pndm, schedule, scheduler_config({{"skip_prk_steps", true}}), 10);
      }),
      AllOf(HasSubstr("pndm"), HasSubstr("rescale_betas_zero_snr"), HasSubstr("ddim, dpm++ and euler")));
  for (const sampling_method method : {sampling_method::ddim, sampling_method::dpm_solver,
                                       sampling_method::euler, sampling_method::euler_ancestral}) {
    const auto sampler =
        make_sampler(method, schedule, scheduler_config({{"timestep_spacing", "trailing"}}), 10);
    EXPECT_EQ(sampler->timesteps().front(), 999);
    const at::Tensor sample = torch::randn({4}, at::kDouble);
    EXPECT_TRUE(at::isfinite(sampler->step(sample, sample, sample)).all().item<bool>());
  }
}

TEST(sampler_test, refuses_an_offset_beyond_the_schedule) {
  for (const sampling_method method : methods) {
    for (const std::int64_t offset :
         {std::int64_t{-1}, std::int64_t{10}, std::numeric_limits<std::int64_t>::max(),
          std::numeric_limits<std::int64_t>::min()}) {
      const json options{{"num_train_timesteps", 10}, {"steps_offset", offset}};
      const noise_schedule schedule{noise_schedule_options::from_config(scheduler_config(options))};
      EXPECT_THAT(message_of([&] { (void)make_sampler(method, schedule, scheduler_config(options), 5); }),
                  HasSubstr("DIR/scheduler_config.json: \"steps_offset\": expected 0 to 9, "));
    }
  }
}

TEST(sampler_test, refuses_steps_that_the_schedule_does_not_have) {
  const noise_schedule schedule{{.steps = 10, .betas = {}}};
  const auto message = [&](sampling_method method, std::int64_t steps, const json& options) {
    return message_of([&] { (void)make_sampler(method, schedule, scheduler_config(options), steps); });
  };
  for (const sampling_method method : methods) {
    for (const std::int64_t steps : {-1, 0, 11}) {
      const json options{{"skip_prk_steps", true}};
      EXPECT_THAT(message(method, steps, options),
                  AllOf(HasSubstr("expected 1 to 10"), HasSubstr("found " + std::to_string(steps))));
    }
    if (method == sampling_method::dpm_solver) continue;
    const json options{{"skip_prk_steps", true}, {"steps_offset", 1}, {"timestep_spacing", "leading"}};
    EXPECT_THAT(message(method, 10, options),
                AllOf(HasSubstr("steps_offset 1"), HasSubstr("expected timesteps of 0 to 9, found 1 to 10")));
  }
  EXPECT_THAT(message(sampling_method::pndm, 3, json::object()), HasSubstr("expected 4 to 10, found 3"));
  EXPECT_THAT(message(sampling_method::dpm_solver, 10, {{"timestep_spacing", "leading"}}),
              HasSubstr("expected 1 to 9, found 10"));
}

TEST(ddim_sampler_test, spaces_timesteps) {
  // Lin et al., arXiv 2305.08891, table 2: the columns for T = 1000 and 10 steps, counted from 0 instead of 1.
  const noise_schedule schedule{{.steps = 1000, .betas = {}}};
  const auto timesteps = [&](timestep_spacing spacing) {
    return ddim_sampler(schedule, {.steps = 10, .spacing = spacing}).timesteps();
  };
  EXPECT_THAT(timesteps(timestep_spacing::leading),
              ElementsAre(900, 800, 700, 600, 500, 400, 300, 200, 100, 0));
  EXPECT_THAT(timesteps(timestep_spacing::linspace),
              ElementsAre(999, 888, 777, 666, 555, 444, 333, 222, 111, 0));
  EXPECT_THAT(timesteps(timestep_spacing::trailing),
              ElementsAre(999, 899, 799, 699, 599, 499, 399, 299, 199, 99));
}

TEST(sampler_test, finds_the_picture_when_the_network_knows_the_noise) {
  // With the true prediction every method, of whatever order, leads to the picture.
  for (const sampling_method method : methods) {
    if (method == sampling_method::euler || method == sampling_method::euler_ancestral) continue;  // below
    for (const prediction predicts : {prediction::epsilon, prediction::velocity, prediction::sample}) {
      // The velocity is not the same all along the way, so that PNDM's mean of several is none of them.
      if (method == sampling_method::pndm && predicts != prediction::epsilon) continue;
      const noise_schedule schedule{{.betas = {}, .predicts = predicts}};
      const json options{{"set_alpha_to_one", true}, {"clip_sample", false}};
      const auto sampler = make_sampler(method, schedule, scheduler_config(options), 20);
      const at::Tensor picture = torch::randn({2, 3, 4, 4}, at::kDouble);
      const at::Tensor noise = torch::randn({2, 3, 4, 4}, at::kDouble);
      const auto at_step = [&](double timestep) { return torch::full({2}, timestep, at::kLong); };
      at::Tensor sample = schedule.add_noise(picture, noise, at_step(sampler->timesteps().front()));
      for (const double timestep : sampler->timesteps())
        sample = sampler->step(schedule.target(picture, noise, at_step(timestep)), sample);
      // DPM-Solver++'s noise levels are fp32, as published; so they are not quite the schedule's.
      EXPECT_LT(largest_difference(sample, picture), method == sampling_method::dpm_solver ? 1e-6 : 1e-12)
          << name_of(method);
    }
  }
}

TEST(euler_sampler_test, finds_the_picture_when_the_network_knows_the_noise) {
  for (const prediction predicts : {prediction::epsilon, prediction::velocity, prediction::sample}) {
    for (const json& options :
         {json{{"timestep_spacing", "leading"}}, json::object(), json{{"use_karras_sigmas", true}},
          json{{"final_sigmas_type", "sigma_min"}}}) {
      const noise_schedule schedule{{.betas = {}, .predicts = predicts}};
      euler_options read = euler_options::from_config(scheduler_config(options), /*ancestral=*/false);
      read.steps = 20;
      euler_sampler sampler{schedule, read};
      const at::Tensor picture = torch::randn({2, 3, 4, 4}, at::kDouble);
      const at::Tensor noise = torch::randn({2, 3, 4, 4}, at::kDouble);
      at::Tensor sample = picture + sampler.sigmas().front() * noise;
      for (std::size_t i = 0; i < sampler.timesteps().size(); ++i) {
        const double sigma = sampler.sigmas()[i];
        const double size = std::sqrt(sigma * sigma + 1.0);
        EXPECT_LT(largest_difference(sampler.network_input(sample), (picture + sigma * noise) / size), 1e-12);
        const at::Tensor predicted = predicts == prediction::epsilon    ? noise
                                     : predicts == prediction::velocity ? (noise - sigma * picture) / size
                                                                        : picture;
        sample = sampler.step(predicted, sample);
      }
      EXPECT_LT(largest_difference(sample, picture + sampler.sigmas().back() * noise), 1e-11);
    }
  }
}

TEST(euler_sampler_test, keeps_the_level_of_noise_where_it_adds_some) {
  // Of a picture of zeros, whose noise the network knows, the sample has the variance sigma^2 after every step.
  const noise_schedule schedule{{.betas = {}}};
  euler_sampler sampler{schedule, {.steps = 10, .ancestral = true}};
  EXPECT_TRUE(sampler.draws_noise());
  at::Tensor sample = sampler.sigmas().front() * torch::randn({200'000}, at::kDouble);
  for (std::size_t i = 0; i < 10; ++i) {
    sample = sampler.step(sample / sampler.sigmas()[i], sample, torch::randn({200'000}, at::kDouble));
    EXPECT_NEAR(sample.std().item<double>(), sampler.sigmas()[i + 1], 0.01 * sampler.sigmas()[i]) << i;
  }
  EXPECT_LT(sample.abs().max().item<double>(), 1e-12);
}

TEST(euler_sampler_test, begins_at_the_greatest_level) {
  const noise_schedule schedule{{.betas = {}}};
  const at::Tensor noise = torch::randn({5}, at::kDouble);
  for (const timestep_spacing spacing :
       {timestep_spacing::leading, timestep_spacing::linspace, timestep_spacing::trailing}) {
    const euler_sampler sampler{schedule, {.steps = 7, .spacing = spacing}};
    const double sigma = sampler.sigmas().front();
    const bool counts_the_picture = spacing == timestep_spacing::leading;
    EXPECT_LT(largest_difference(sampler.initial_sample(noise),
                                 noise * std::sqrt(sigma * sigma + (counts_the_picture ? 1.0 : 0.0))),
              1e-12);
  }
}

TEST(sampler_test, starts_again_after_a_reset) {
  const noise_schedule schedule{{.betas = {}}};
  for (const sampling_method method : methods) {
    const auto sampler = make_sampler(method, schedule, scheduler_config(json::object()), 6);
    const auto predictions =
        torch::randn({static_cast<std::int64_t>(sampler->timesteps().size()), 2, 3}, at::kDouble).unbind();
    const at::Tensor start = torch::randn({2, 3}, at::kDouble);
    const auto walk = [&] {
      at::Tensor sample = start;
      for (const at::Tensor& predicted : predictions)
        sample = sampler->step(predicted, sample, start);
      return sample;
    };
    const at::Tensor first = walk();
    EXPECT_THROW((void)sampler->step(predictions.front(), first, start), std::logic_error);
    sampler->reset();
    EXPECT_TRUE(at::equal(walk(), first)) << name_of(method);
    // Also in the middle of a trajectory.
    sampler->reset();
    (void)sampler->step(predictions.front(), first, start);
    sampler->reset();
    EXPECT_TRUE(at::equal(walk(), first)) << name_of(method);
  }
}

}  // namespace
}  // namespace dvar::diffusion
