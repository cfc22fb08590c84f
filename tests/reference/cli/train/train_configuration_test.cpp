#include "cli/train/train_configuration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/train/train_resolution.hpp"

namespace dvar::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Four frogs, and what a run on them records.
class train_configuration_test : public testing::Test {
 protected:
  std::string configuration(train_options options = {}) const {
    resolve(options);
    return configuration_of(options, {{pictures_, {"apple", torch::zeros({2, 8})}}});
  }
  nlohmann::json record(const train_options& options = {}) const {
    return nlohmann::json::parse(configuration(options));
  }

  data::concept_dataset pictures_{{.images_dir = DVAR_DEMO "/concepts/frog", .size = 16}};
};

TEST_F(train_configuration_test, has_the_options_by_their_names) {
  const nlohmann::json json = record();
  EXPECT_EQ(json.at("batch"), 4);
  EXPECT_EQ(json.at("optimizer"), "adamw");
  EXPECT_EQ(json.at("learning_rate"), 5e-4);
  EXPECT_EQ(json.at("stop"), std::vector<std::string>{"dvar"});
  EXPECT_EQ(json.at("window"), 310);
  EXPECT_EQ(json.at("probe_fixed"), "11111");
  EXPECT_EQ(json.at("precision"), "fp32");
}

TEST_F(train_configuration_test, has_what_options_and_files_came_to) {
  const nlohmann::json json = record();
  EXPECT_EQ(json.at("initial"), "apple");
  EXPECT_EQ(json.at("vectors"), 2);
  EXPECT_EQ(json.at("images").at("names").size(), 4u);
  EXPECT_EQ(json.at("size"), 16);
  EXPECT_EQ(json.at("ranks"), 1);
  EXPECT_TRUE(json.contains("torch"));
}

TEST_F(train_configuration_test, leaves_out_what_the_run_does_not_use) {
  const nlohmann::json json = record();
  for (const char* key : {"momentum", "sam_radius", "warmup_steps", "masks", "mask_background", "captions",
                          "score_samples", "prompt", "guidance", "micro_batch", "output", "threads", "quiet"})
    EXPECT_FALSE(json.contains(key)) << key;
}

TEST_F(train_configuration_test, has_what_samples_depend_on_where_they_may_stop_the_run) {
  train_options options;
  options.text.stop = {"clip"};
  const nlohmann::json json = record(options);
  for (const char* key : {"prompt", "guidance", "sample_seed", "score_samples", "score_steps"})
    EXPECT_TRUE(json.contains(key)) << key;
  EXPECT_FALSE(json.contains("window"));
}

TEST_F(train_configuration_test, of_the_same_options_is_the_same) {
  EXPECT_EQ(configuration(), configuration());
  train_options in_other_words;
  in_other_words.text.probe_fixed = "images,latents,noise,captions,timesteps";
  EXPECT_EQ(configuration(in_other_words), configuration());
  EXPECT_THAT(differences(configuration(), configuration(), "OUT"), IsEmpty());
}

TEST_F(train_configuration_test, says_which_options_differ) {
  train_options other;
  other.inversion.batch = 2;
  other.text.optimizer.name = "sgd";
  EXPECT_THAT(differences(configuration(), configuration(other), "OUT"),
              ElementsAre("--batch was 4 in the run in OUT and is 2 now",
                          "--momentum was not set in the run in OUT and is 0.9 now",
                          "--optimizer was adamw in the run in OUT and is sgd now",
                          "the rest of AdamW is not what it was in the run in OUT"));
}

TEST_F(train_configuration_test, knows_pictures_by_what_is_in_them) {
  const data::concept_dataset pandas{{.images_dir = DVAR_DEMO "/concepts/panda", .size = 16}};
  train_options options;
  resolve(options);
  const std::string of_pandas = configuration_of(options, {{pandas, {"apple", torch::zeros({2, 8})}}});
  EXPECT_THAT(
      differences(configuration(), of_pandas, "OUT"),
      ElementsAre(
          "--images: since the run in OUT, \"fluent-flat.png\" has changed, \"noto-v1.png\" has changed, \"noto.png\" has changed, \"twemoji.png\" has changed"));
}

}  // namespace
}  // namespace dvar::cli
