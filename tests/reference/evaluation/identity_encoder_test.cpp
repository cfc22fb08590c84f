#include "evaluation/identity_encoder.hpp"

#include "toy_encoder.hpp"

namespace dvar::evaluation {
namespace {

using test::message_of;
using test::new_directory;
using test::put;
using test::put_encoder;
using testing::AllOf;
using testing::HasSubstr;

TEST(identity_encoder_test, gives_unit_rows_for_pictures_of_any_size_and_number) {
  const auto directory = new_directory();
  put_encoder(directory);
  const auto encoder = identity_encoder::open(directory);
  const at::Tensor pictures = torch::rand({18, 3, 20, 16}) * 2 - 1;
  const at::Tensor features = encoder.features(pictures);
  ASSERT_EQ(features.sizes(), (std::vector<std::int64_t>{18, 12}));
  EXPECT_TRUE(at::allclose(features.norm(2, 1), torch::ones({18})));
  EXPECT_TRUE(at::allclose(features[17], encoder.features(pictures.narrow(0, 17, 1))[0], 1e-5, 1e-6));
}

TEST(identity_encoder_test, sees_pictures_as_their_files_hold_them) {
  const auto directory = new_directory();
  put_encoder(directory);
  const auto encoder = identity_encoder::open(directory);
  const at::Tensor picture = torch::rand({1, 3, 12, 12}) * 2 - 1;
  const at::Tensor stored = data::to_bytes(picture).to(at::kFloat) / 127.5 - 1;
  EXPECT_TRUE(at::equal(encoder.features(picture), encoder.features(stored)));
}

TEST(identity_encoder_test, names_what_is_missing_or_wrong) {
  const auto directory = new_directory();
  put_encoder(directory);
  std::filesystem::remove(directory / "preprocessor_config.json");
  EXPECT_THAT(message_of([&] { identity_encoder::open(directory); }),
              HasSubstr((directory / "preprocessor_config.json").string()));
  put_encoder(directory);
  put(directory / "preprocessor_config.json",
      R"({"size": 3, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})");
  EXPECT_THAT(message_of([&] { identity_encoder::open(directory); }), HasSubstr("patch_size"));
  put(directory / "config.json", test::with(test::vit_config(), "model_type", "dinov2").dump());
  EXPECT_THAT(message_of([&] { identity_encoder::open(directory); }),
              AllOf(HasSubstr("config.json"), HasSubstr("\"model_type\""), HasSubstr("dinov2")));
}

}  // namespace
}  // namespace dvar::evaluation
