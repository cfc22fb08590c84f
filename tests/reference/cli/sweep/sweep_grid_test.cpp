#include "cli/sweep/sweep_grid.hpp"

#include "../../files.hpp"
#include "../refusal_of.hpp"

namespace dvar::cli {
namespace {

using ::testing::HasSubstr;

std::vector<sweep_setting> read(std::string_view grid) {
  const std::filesystem::path file = test::new_directory() / "grid.json";
  test::put(file, grid);
  return read_sweep_grid(file);
}

std::string grid_refusal(std::string_view grid) {
  return refusal_of([&] { read(grid); });
}

std::vector<std::string> arguments(const sweep_setting& setting) {
  return arguments_of(setting, "frog", "drawings/frog");
}

using words = std::vector<std::string>;

TEST(sweep_grid_test, stands_for_all_combinations_the_last_varying_fastest) {
  const auto settings = read(R"({"stop": ["dvar", "steps:9"], "seed": [0, 1], "flip": 0.5})");
  ASSERT_EQ(settings.size(), 4u);
  EXPECT_EQ(settings[1].name, "stop=dvar,seed=1");
  EXPECT_EQ(arguments(settings[1]), (words{"--stop=dvar", "--seed=1", "--flip=0.5"}));
  EXPECT_EQ(settings[2].name, "stop=steps_9,seed=0");
}

TEST(sweep_grid_test, joins_named_settings_and_a_grid) {
  const auto settings = read(
      R"({"settings": {"both": {"stop": ["dvar", "clip"]}, "few": {"stop": "steps:9"}}, "grid": {"seed": [0, 1]}})");
  ASSERT_EQ(settings.size(), 4u);
  EXPECT_EQ(settings[0].name, "both,seed=0");
  EXPECT_EQ(arguments(settings[0]), (words{"--stop=dvar", "--stop=clip", "--seed=0"}));
  EXPECT_EQ(settings[3].name, "few,seed=1");
}

TEST(sweep_grid_test, sets_flags_and_leaves_them) {
  const auto settings = read(R"({"captions": [true, false]})");
  ASSERT_EQ(settings.size(), 2u);
  EXPECT_EQ(arguments(settings[0]), words{"--captions"});
  EXPECT_EQ(arguments(settings[1]), words{});
}

TEST(sweep_grid_test, knows_options_by_their_other_spelling) {
  const auto settings = read(R"({"optimiser": "sgd", "centre-crop": true})");
  EXPECT_EQ(arguments(settings.front()), (words{"--optimizer=sgd", "--center-crop"}));
}

TEST(sweep_grid_test, puts_the_concept_into_values) {
  const auto settings = read(R"({"held-out": "{images}/held-out", "class-word": "{concept}"})");
  EXPECT_EQ(arguments(settings.front()), (words{"--held-out=drawings/frog/held-out", "--class-word=frog"}));
}

TEST(sweep_grid_test, refuses_keys_that_are_no_options_of_its_own) {
  EXPECT_THAT(grid_refusal(R"({"learning-rat": 1})"), HasSubstr(R"("learning-rat"; is it "learning-rate"?)"));
  EXPECT_THAT(grid_refusal(R"({"output": "x"})"), HasSubstr("does not give itself"));
  EXPECT_THAT(grid_refusal(R"({"captions": "yes"})"), HasSubstr("expected true or false"));
  EXPECT_THAT(grid_refusal(R"({"seed": true})"), HasSubstr("expected text or a number"));
  EXPECT_THAT(
      grid_refusal(R"({"settings": {"a": {"optimizer": "sgd"}}, "grid": {"optimiser": ["sgd", "adamw"]}})"),
      HasSubstr("an option that the settings do not have"));
}

TEST(sweep_grid_test, refuses_arguments_as_the_command_would) {
  const words task{"--images=cats", "--token=<cat>", "--output=out"};
  const auto with = [&](const char* argument) {
    words all = task;
    all.push_back(argument);
    return refusal_of([&] { check_train_arguments(all); });
  };
  EXPECT_EQ(with("--seed=1"), "");
  EXPECT_EQ(with("--learning-rate=-1"), "--learning-rate: expected more than 0, found -1");
  EXPECT_EQ(with("--momentum=0.5"), "--momentum: expected --optimizer sgd or --sam-base sgd with it");
  EXPECT_THAT(with("--learning-rate=fast"), HasSubstr("--learning-rate"));
}

TEST(sweep_grid_test, refuses_places_that_it_does_not_know) {
  const auto settings = read(R"({"class-word": "{Concept}", "prompt": "a {}"})");
  EXPECT_THAT(refusal_of([&] { arguments(settings.front()); }),
              HasSubstr("expected {concept} or {images}, found {Concept}"));
}

}  // namespace
}  // namespace dvar::cli
