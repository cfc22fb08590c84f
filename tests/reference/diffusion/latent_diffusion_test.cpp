// A model directory in which one thing is wrong: the error names the file, and the tensor or key, that is at fault.
#include "diffusion/latent_diffusion.hpp"

#include "../files.hpp"
#include "weights/safetensors.hpp"

namespace dvar::diffusion {
namespace {

namespace fs = std::filesystem;
using dvar::test::contents;
using dvar::test::message_of;
using dvar::test::new_directory;
using dvar::test::put;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

using tensors = std::map<std::string, at::Tensor>;

/// Makes a copy of the bundled model.
fs::path copied_model() {
  const fs::path directory = new_directory() / "model";
  fs::copy(DVAR_DEMO "/model", directory, fs::copy_options::recursive);
  return directory;
}

std::string refusal_of(const fs::path& directory) {
  return message_of([&] { (void)latent_diffusion::open(directory); });
}

/// Writes a safetensors file again, changed.
template <class Change>
void rewrite(const fs::path& file, Change change) {
  tensors values;
  {
    const weights::tensor_file stored{file};
    for (const std::string& name : stored.names())
      values[name] = stored.tensor(name).clone();
  }
  change(values);
  weights::write_safetensors(file, values);
}

TEST(latent_diffusion_test, opens_the_bundled_model) {
  EXPECT_THAT(latent_diffusion::open(fs::path{DVAR_DEMO "/model"}).surplus, testing::IsEmpty());
}

TEST(latent_diffusion_test, names_a_file_that_is_missing_or_cut_off) {
  const fs::path model = copied_model();
  for (const std::string name :
       {"scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt",
        "text_encoder/config.json", "text_encoder/model.safetensors", "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors", "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors"}) {
    const std::string bytes = contents(model / name);
    fs::remove(model / name);
    // Weights may have several names: the folder is named where none is there.
    EXPECT_THAT(refusal_of(model), HasSubstr((model / name).parent_path().string())) << name;
    put(model / name, bytes.substr(0, bytes.size() / 2));
    EXPECT_THAT(refusal_of(model), HasSubstr((model / name).parent_path().string())) << name;
    put(model / name, bytes);
  }
  (void)latent_diffusion::open(model);
}

TEST(latent_diffusion_test, names_a_tensor_that_is_missing_or_does_not_fit) {
  const fs::path model = copied_model();
  const fs::path file = model / "vae" / "diffusion_pytorch_model.safetensors";
  const std::string whole = contents(file);
  const std::string name = "decoder.conv_in.bias";
  const auto refusal = [&](auto change) {
    rewrite(file, change);
    const std::string message = refusal_of(model);
    put(file, whole);
    EXPECT_THAT(message, AllOf(HasSubstr(file.string()), HasSubstr('"' + name + '"')));
    return message;
  };
  EXPECT_THAT(refusal([&](tensors& t) { t.erase(name); }), HasSubstr("expected a tensor"));
  EXPECT_THAT(refusal([&](tensors& t) { t[name] = at::zeros({65}); }),
              HasSubstr("expected shape [64], found [65]"));
  EXPECT_THAT(refusal([&](tensors& t) { t[name] = at::zeros({64, 1}); }), HasSubstr("found [64, 1]"));
  EXPECT_THAT(refusal([&](tensors& t) { t[name] = t[name].to(at::kLong); }),
              HasSubstr("expected F64, F32, F16 or BF16, found I64"));
}

TEST(latent_diffusion_test, names_tensors_that_nothing_uses) {
  const fs::path model = copied_model();
  rewrite(model / "vae" / "diffusion_pytorch_model.safetensors", [](tensors& t) {
    t["decoder.other"] = at::zeros({1});
    t["some.position_ids"] = at::zeros({1}, at::kLong);
  });
  EXPECT_THAT(latent_diffusion::open(model).surplus, ElementsAre("decoder.other"));
}

TEST(latent_diffusion_test, refuses_a_text_encoder_without_room_for_the_two_ends) {
  const fs::path model = copied_model();
  rewrite(model / "text_encoder" / "model.safetensors", [](tensors& t) {
    for (auto& [name, tensor] : t)
      if (name.ends_with("position_embedding.weight")) tensor = tensor.slice(0, 0, 1).clone();
  });
  nlohmann::json config = weights::read_json(model / "text_encoder" / "config.json");
  config["max_position_embeddings"] = 1;
  put(model / "text_encoder" / "config.json", config.dump());
  EXPECT_THAT(refusal_of(model),
              HasSubstr((model / "text_encoder" / "config.json").string() +
                        ": max_position_embeddings: expected at least 2, for the ends of a prompt, found 1"));
}

}  // namespace
}  // namespace dvar::diffusion
