#include "cli/train/concepts_list.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "../refusal_of.hpp"
#include "cli/options/subcommand.hpp"
#include "cli/train/train_resolution.hpp"

namespace dvar::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

/// A folder with two folders of pictures, and a list of both.
class concepts_list_test : public testing::Test {
 protected:
  concepts_list_test() {
    for (const char* const name : {"cats", "dogs", "more dogs"})
      fs::create_directories(folder_ / name);
  }

  std::vector<concept_choice> read(const json& list, const train_options& options = {}) const {
    std::ofstream{file_} << list;
    return read_concepts_list(file_, options);
  }
  /// What a list is refused with, without the name of the file.
  std::string refusal(const json& list, const train_options& options = {}) const {
    std::string text = refusal_of([&] { read(list, options); });
    const std::string name = file_.string() + ": ";
    EXPECT_EQ(text.find(name), 0u) << text;
    return text.substr(std::min(name.size(), text.size()));
  }
  /// What the list is refused with when a key of its second entry is another.
  std::string refusal(const char* key, const json& value) const {
    json other = list_;
    other[1][key] = value;
    return refusal(other);
  }
  /// What a command line with the list comes to.
  train_options resolved(std::vector<std::string> arguments) const {
    std::ofstream{file_} << list_;
    arguments.insert(arguments.end(), {"--concepts-list", file_.string(), "--output", "out"});
    train_options options;
    options.given = parse(rows_of(options), std::move(arguments));
    resolve(options);
    return options;
  }

  fs::path folder_ = fs::path{testing::TempDir()} / "concepts_list_test";
  fs::path file_ = folder_ / "concepts.json";
  json list_ = json::parse(R"([
    {"instance_data_dir": "cats", "modifier_token": "<cat>", "initializer_token": "tabby+cat"},
    {"instance_data_dir": "dogs", "modifier_token": "<dog>"}])");
};

TEST_F(concepts_list_test, has_tokens_words_and_folders_beside_the_file) {
  const std::vector<concept_choice> both = read(list_);
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].images, folder_ / "cats");
  EXPECT_EQ(both[0].token, "<cat>");
  EXPECT_EQ(both[0].initial.text, "token:tabby+cat");
  EXPECT_EQ(both[1].initial.text, "best") << "as --init has it where nothing is given";
  EXPECT_TRUE(both[1].prompt.empty());
  EXPECT_FALSE(both[0].class_pictures.is_wanted());
  json absolute = list_;
  absolute[0]["instance_data_dir"] = (folder_ / "dogs").string();
  EXPECT_EQ(read(absolute)[0].images, folder_ / "dogs");
}

TEST_F(concepts_list_test, has_prompts_and_classes_as_diffusers_has_them) {
  list_[0].update({{"instance_prompt", "photo of a <cat> at home"}, {"class_prompt", "a cat"}});
  list_[1].update({{"class_prompt", "a dog"}, {"class_data_dir", "more dogs"}});
  const std::vector<concept_choice> both = read(list_);
  EXPECT_EQ(both[0].prompt, "photo of a <cat> at home");
  EXPECT_EQ(both[0].class_pictures.prompt, "a cat");
  EXPECT_TRUE(both[0].class_pictures.folder.empty()) << "the model draws them";
  EXPECT_EQ(both[1].class_pictures.folder, folder_ / "more dogs");
}

TEST_F(concepts_list_test, names_the_entry_and_the_key_of_what_is_wrong) {
  EXPECT_THAT(refusal("modifier_tokn", "<x>"), HasSubstr("entry 2: expected instance_data_dir, "));
  EXPECT_THAT(refusal("modifier_tokn", "<x>"),
              HasSubstr("found \"modifier_tokn\"; is it \"modifier_token\"?"));
  EXPECT_EQ(refusal("modifier_token", nullptr), "entry 2: \"modifier_token\": expected a string, found null");
  EXPECT_EQ(refusal("modifier_token", "two words").find("entry 2: \"modifier_token\": expected one word"),
            0u);
  EXPECT_EQ(refusal("modifier_token", "<cat>"),
            "entry 2: \"modifier_token\": expected another token than entry 1 has, found \"<cat>\"");
  EXPECT_EQ(refusal("instance_data_dir", nullptr),
            "entry 2: \"instance_data_dir\": expected a folder, found null");
  EXPECT_EQ(refusal("instance_data_dir", "birds"), "entry 2: \"instance_data_dir\": expected a folder, " +
                                                       (folder_ / "birds").string() + ", found \"birds\"");
  EXPECT_EQ(refusal("instance_data_dir", ""),
            "entry 2: \"instance_data_dir\": expected a text that is not empty, found \"\"");
  EXPECT_EQ(refusal("instance_data_dir", 3), "entry 2: \"instance_data_dir\": expected a string, found 3");
  EXPECT_EQ(refusal("instance_prompt", "a dog at home"),
            "entry 2: \"instance_prompt\": expected the token <dog> in it, found \"a dog at home\"");
  EXPECT_EQ(refusal("initializer_token", "big dog").find("entry 2: \"initializer_token\": expected a word"),
            0u);
}

TEST_F(concepts_list_test, keeps_all_classes_or_none) {
  EXPECT_EQ(refusal("class_prompt", "a dog"),
            "entry 2: \"class_prompt\": expected one in every entry or in none, found \"a dog\"");
  EXPECT_EQ(
      refusal("class_data_dir", "dogs"),
      "entry 2: \"class_prompt\": expected the prompt of the pictures in class_data_dir, found nothing");
  EXPECT_THAT(refusal("class_data_dir", "birds"),
              HasSubstr("birds (without the key the model draws them), found"));
  list_[0]["class_prompt"] = "a cat";
  EXPECT_EQ(refusal("class_prompt", "a <cat>"),
            "entry 2: \"class_prompt\": expected a prompt without a token, found \"a <cat>\"");
}

TEST_F(concepts_list_test, tokens_have_files_of_their_own) {
  for (const char* const token : {"a/b", "..", "a\nb"})
    EXPECT_EQ(refusal("modifier_token", token).find("entry 2: \"modifier_token\": expected "), 0u) << token;
  EXPECT_THAT(refusal("modifier_token", "<cat>_best"),
              HasSubstr("\"<cat>_best.safetensors\" would be that of"));
  EXPECT_THAT(refusal("modifier_token", "<cat>_a1111"), HasSubstr("would be that of \"<cat>\""));
  EXPECT_THAT(refusal("modifier_token", "pytorch_custom_diffusion_weights"),
              HasSubstr("that of \"the weights\""));
  EXPECT_THAT(refusal("modifier_token", "learned_embeds"), HasSubstr("that of \"a run of one concept\""));
}

TEST_F(concepts_list_test, has_two_concepts_at_least) {
  list_.erase(1);
  EXPECT_EQ(refusal(list_), "expected two concepts or more, found 1; --images and --token learn one");
  EXPECT_EQ(refusal(json::object()), "expected an array with an object for each concept");
  EXPECT_EQ(refusal(json::array({1, 2})), "entry 1: expected an object, found 1");
}

TEST_F(concepts_list_test, captions_and_instance_prompts_exclude_each_other) {
  list_[0]["instance_prompt"] = "a <cat>";
  train_options options;
  options.captions = true;
  EXPECT_EQ(refusal(list_, options),
            "entry 1: \"instance_prompt\": expected none beside --captions, found \"a <cat>\"");
}

TEST_F(concepts_list_test, stands_for_the_options_of_one_concept) {
  const train_options options = resolved({"--method", "custom-diffusion"});
  EXPECT_EQ(tokens_of(options), "<cat>, <dog>");
  EXPECT_EQ(options.prompt, "a photo of a {}");
  const auto refused = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--method", "custom-diffusion"});
    return refusal_of([&] { resolved(more); });
  };
  for (const auto& [option, value] :
       {std::pair{"--images", "cats"}, std::pair{"--token", "<x>"}, std::pair{"--init", "random"},
        std::pair{"--class-prompt", "a cat"}, std::pair{"--class-pictures", "cats"},
        std::pair{"--held-out", "cats"}, std::pair{"--hold-out", "1"}, std::pair{"--score-every", "5"}}) {
    const std::string text = refused({option, value});
    EXPECT_EQ(text.find(option), 0u) << text;
    EXPECT_THAT(text, HasSubstr("--concepts-list"));
  }
  EXPECT_THAT(refused({"--buckets", "--no-rescale"}), HasSubstr("--buckets: expected no "));
  EXPECT_THAT(refused({"--random-crop", "--no-rescale"}), HasSubstr("--random-crop: expected no "));
  EXPECT_THAT(refused({"--masks", "masks", "--no-rescale"}), HasSubstr("beside with --concepts-list"));
  EXPECT_THAT(refused({"--stop", "clip"}), HasSubstr("--stop clip: expected no --concepts-list"));
  EXPECT_THAT(refused({"--class-count", "3"}), HasSubstr("--class-count"));
  for (const char* const method : {"textual-inversion", "dreambooth-lora"})
    EXPECT_THAT(refusal_of([&] { resolved({"--method", method}); }),
                HasSubstr("--concepts-list: expected --method custom-diffusion"));
}

TEST_F(concepts_list_test, one_of_both_is_required) {
  train_options options;
  EXPECT_EQ(refusal_of([&] { parse(rows_of(options), {"--output", "out"}); }),
            "--images or --concepts-list is required");
  EXPECT_EQ(refusal_of([&] { parse(rows_of(options), {"--images", "cats", "--output", "out"}); }),
            "--token or --concepts-list is required");
}

}  // namespace
}  // namespace dvar::cli
