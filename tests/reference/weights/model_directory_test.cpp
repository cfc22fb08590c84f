#include "weights/model_directory.hpp"

#include "../files.hpp"
#include "weights/safetensors.hpp"

namespace {

namespace fs = std::filesystem;
using dvar::test::message_of;
using dvar::test::new_directory;
using dvar::test::put;
using dvar::weights::open_component;
using dvar::weights::weight_map;
using dvar::weights::write_safetensors;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// Writes a file of weights whose one value tells it from others.
void put_weights(const fs::path& path, double value, const std::string& name = "w") {
  write_safetensors(path, {{name, at::full({2}, value)}});
}

double value_in(const weight_map& weights) {
  return weights.tensor("w")[0].item<double>();
}

fs::path new_component() {
  auto directory = new_directory();
  put(directory / "config.json", R"({"size": 3})");
  return directory;
}

TEST(model_directory_test, opens_configuration_and_weights_of_both_names) {
  for (const auto* name : {"model.safetensors", "diffusion_pytorch_model.safetensors"}) {
    const auto directory = new_component();
    put_weights(directory / name, 1);
    const auto component = open_component(directory);
    EXPECT_EQ(component.directory, directory);
    EXPECT_EQ(component.config.get<std::int64_t>("size"), 3);
    EXPECT_EQ(component.weights.path(), directory / name);
    EXPECT_EQ(value_in(component.weights), 1);
  }
}

TEST(model_directory_test, takes_the_variant_asked_for) {
  const auto directory = new_component();
  put_weights(directory / "model.safetensors", 1);
  put_weights(directory / "model.fp16.safetensors", 2);
  EXPECT_EQ(value_in(open_component(directory).weights), 1);
  EXPECT_EQ(value_in(open_component(directory, "fp16").weights), 2);
  EXPECT_THAT(message_of([&] { (void)open_component(directory, "bf16"); }),
              AllOf(HasSubstr(directory.string()), HasSubstr("the variant \"bf16\""),
                    HasSubstr("found model.safetensors, model.fp16.safetensors")));
}

TEST(model_directory_test, takes_a_variant_unasked_only_where_it_is_the_only_one) {
  const auto directory = new_component();
  put_weights(directory / "model.fp16.safetensors", 2);
  EXPECT_EQ(value_in(open_component(directory).weights), 2);
  put_weights(directory / "model.bf16.safetensors", 3);
  EXPECT_THAT(
      message_of([&] { (void)open_component(directory); }),
      HasSubstr("expected weights of one variant, found model.bf16.safetensors, model.fp16.safetensors"));
}

void put_shards(const fs::path& directory, const std::string& index, const std::string& variant) {
  const auto shard = [&](int i) {
    return "model-0000" + std::to_string(i) + "-of-00002" + variant + ".safetensors";
  };
  put_weights(directory / shard(1), 4);
  put_weights(directory / shard(2), 5, "v");
  put(directory / index, R"({"metadata": {"total_size": 16}, "weight_map": {"w": ")" + shard(1) +
                             R"(", "v": ")" + shard(2) + "\"}}");
}

TEST(model_directory_test, joins_shards) {
  for (const std::string index : {"model.safetensors.index.json", "model.safetensors.index.fp16.json",
                                  "model.fp16.safetensors.index.json"}) {
    const auto directory = new_component();
    put_shards(directory, index, index.find("fp16") == std::string::npos ? "" : ".fp16");
    const auto weights = open_component(directory).weights;
    EXPECT_EQ(weights.path(), directory / index);
    EXPECT_THAT(weights.names(), ElementsAre("v", "w"));
    EXPECT_EQ(value_in(weights), 4);
    EXPECT_EQ(weights.tensor("v")[0].item<double>(), 5);
    EXPECT_EQ(weights.info("v").shape, std::vector<std::int64_t>{2});
    EXPECT_FALSE(weights.contains("x"));
  }
}

TEST(model_directory_test, refuses_an_index_that_does_not_fit_its_shards) {
  const auto directory = new_component();
  const auto index = directory / "model.safetensors.index.json";
  put_weights(directory / "shard.safetensors", 1);
  const auto with = [&](const std::string& map) {
    put(index, R"({"weight_map": )" + map + "}");
    return message_of([&] { (void)open_component(directory); });
  };
  EXPECT_THAT(with(R"({"w": "shard.safetensors", "x": "shard.safetensors"})"),
              AllOf(HasSubstr(index.string()), HasSubstr("\"x\": expected a file that has this tensor")));
  EXPECT_THAT(with(R"({"w": "missing.safetensors"})"), HasSubstr("missing.safetensors: cannot be opened"));
  EXPECT_THAT(with(R"({"w": "../shard.safetensors"})"), HasSubstr("in the same directory"));
  EXPECT_THAT(with(R"({"w": "/etc/shard.safetensors"})"), HasSubstr("in the same directory"));
  EXPECT_THAT(with(R"({"w": "shard.txt"})"), HasSubstr(".safetensors or .bin file"));
  EXPECT_THAT(with(R"({"w": 1})"), HasSubstr("\"w\": expected a string, found 1"));
  EXPECT_THAT(with("[]"), HasSubstr("\"weight_map\": expected an object, found []"));
}

TEST(model_directory_test, ignores_pickles_beside_safetensors) {
  const auto directory = new_component();
  put(directory / "diffusion_pytorch_model.bin", "pickle");
  put_weights(directory / "diffusion_pytorch_model.safetensors", 1);
  EXPECT_EQ(value_in(open_component(directory).weights), 1);
}

TEST(model_directory_test, names_what_is_missing) {
  const auto directory = new_directory();
  EXPECT_THAT(message_of([&] { (void)open_component(directory / "unet"); }),
              HasSubstr((directory / "unet").string() + ": expected a directory of a model, found nothing"));
  EXPECT_THAT(message_of([&] { (void)open_component(directory); }),
              HasSubstr("config.json: cannot be opened: No such file or directory"));
  put(directory / "config.json", "{}");
  EXPECT_THAT(
      message_of([&] { (void)open_component(directory); }),
      HasSubstr(
          "expected diffusion_pytorch_model.safetensors, model.safetensors or pytorch_model.bin, found none"));
  EXPECT_THAT(message_of([&] { (void)open_component(directory / "config.json"); }),
              HasSubstr("found a file"));
}

TEST(model_directory_test, checks_the_shape_asked_for) {
  const auto directory = new_component();
  put_weights(directory / "model.safetensors", 1);
  const auto weights = open_component(directory).weights;
  EXPECT_EQ(weights.tensor("w", {2}).numel(), 2);
  EXPECT_EQ(message_of([&] { (void)weights.tensor("w", {2, 1}); }),
            (directory / "model.safetensors").string() + ": tensor \"w\": expected shape [2, 1], found [2]");
  EXPECT_THAT(message_of([&] { (void)weights.tensor("x", {2}); }),
              HasSubstr("expected a tensor \"x\", found none"));
}

}  // namespace
