#include "training/probe_options.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "error.hpp"

namespace dvar::training {
namespace {

TEST(probe_sources_test, are_read_as_names_or_as_the_experiment_code) {
  EXPECT_EQ(probe_sources_from("all", "x"), probe_sources{});
  EXPECT_EQ(experiment_code(probe_sources_from("none", "x")), "00000");
  EXPECT_EQ(experiment_code(probe_sources_from("captions", "x")), "00010");
  EXPECT_EQ(experiment_code(probe_sources_from("timesteps,images", "x")), "10001");
  // All 32 experiments.
  for (unsigned bits = 0; bits < 32; ++bits) {
    std::string code;
    for (unsigned bit = 5; bit-- > 0;)
      code += (bits >> bit & 1U) != 0 ? '1' : '0';
    EXPECT_EQ(experiment_code(probe_sources_from(code, "x")), code);
  }
}

TEST(probe_sources_test, refuse_other_texts) {
  for (const char* const text : {"", "image", "images,", ",images", "1111", "111111", "11121", "all,images"})
    EXPECT_THROW(probe_sources_from(text, "x"), input_error) << text;
}

TEST(timestep_choice_test, names_come_back) {
  for (const char* const name : {"stratified", "random", "first", "middle", "last"})
    EXPECT_EQ(timestep_choices.name_of(timestep_choices.value_of(name, "x")), name);
  EXPECT_THROW(timestep_choices.value_of("thirds", "x"), input_error);
}

TEST(stratified_timesteps_test, takes_one_of_every_part) {
  std::mt19937_64 random{1};
  for (int trial = 0; trial < 100; ++trial) {
    const std::vector<std::int64_t> timesteps = draw_timesteps(timestep_choice::stratified, 4, 1000, random);
    ASSERT_EQ(timesteps.size(), 4U);
    for (std::size_t i = 0; i < 4; ++i)
      EXPECT_EQ(timesteps[i] / 250, static_cast<std::int64_t>(i));
  }
}

TEST(draw_timesteps_test, thirds_lie_in_their_third_and_are_distinct) {
  std::mt19937_64 random{1};
  const auto drawn = [&](timestep_choice choice, std::int64_t count) {
    std::vector<std::int64_t> timesteps = draw_timesteps(choice, count, 1000, random);
    EXPECT_EQ(timesteps.size(), static_cast<std::size_t>(count));
    EXPECT_EQ(std::set(timesteps.begin(), timesteps.end()).size(), timesteps.size());
    std::sort(timesteps.begin(), timesteps.end());
    return timesteps;
  };
  EXPECT_LT(drawn(timestep_choice::first_third, 300).back(), 333);
  const std::vector<std::int64_t> middle = drawn(timestep_choice::middle_third, 300);
  EXPECT_GE(middle.front(), 333);
  EXPECT_LT(middle.back(), 666);
  EXPECT_GE(drawn(timestep_choice::last_third, 300).front(), 666);
  EXPECT_EQ(drawn(timestep_choice::random, 1000).back(), 999);
}

// 512 do not fit into a third: each occurs once before one occurs twice.
TEST(draw_timesteps_test, more_than_there_are_begin_again) {
  std::mt19937_64 random{1};
  const std::vector<std::int64_t> timesteps = draw_timesteps(timestep_choice::last_third, 512, 1000, random);
  std::map<std::int64_t, int> times;
  for (const std::int64_t timestep : timesteps)
    ++times[timestep];
  EXPECT_EQ(times.size(), 334U);
  EXPECT_EQ(std::count_if(times.begin(), times.end(), [](const auto& each) { return each.second == 2; }),
            512 - 334);
}

}  // namespace
}  // namespace dvar::training
