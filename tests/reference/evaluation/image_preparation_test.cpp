#include "evaluation/image_preparation.hpp"

#include "../files.hpp"

// Compared with the peer's image processor in tests/parity/test_vit.py.

namespace dvar::evaluation {
namespace {

using nlohmann::json;
using test::message_of;
using testing::AllOf;
using testing::HasSubstr;

json preprocessor() {
  return {{"size", 4}, {"resample", 3}, {"image_mean", {0.5, 0.25, 0.0}}, {"image_std", {0.5, 1.0, 0.25}}};
}

image_preparation read(const json& config) {
  return image_preparation::from_config({config, "DIR/preprocessor_config.json"});
}

TEST(image_preparation_test, normalizes_whole_levels) {
  const at::Tensor picture = torch::full({1, 3, 4, 4}, -1.0 + 2.0 * 100.2 / 255.0);
  const at::Tensor pixels = read(preprocessor())(picture);
  ASSERT_EQ(pixels.sizes(), (std::vector<std::int64_t>{1, 3, 4, 4}));
  EXPECT_NEAR(pixels[0][0][0][0].item<double>(), (100.0 / 255.0 - 0.5) / 0.5, 1e-6);
  EXPECT_NEAR(pixels[0][1][2][3].item<double>(), (100.0 / 255.0 - 0.25) / 1.0, 1e-6);
  EXPECT_NEAR(pixels[0][2][3][0].item<double>(), 100.0 / 255.0 / 0.25, 1e-6);
}

TEST(image_preparation_test, squeezes_the_whole_picture_into_the_square) {
  const at::Tensor pixels = read(preprocessor())(torch::zeros({2, 3, 9, 31}));
  EXPECT_EQ(pixels.sizes(), (std::vector<std::int64_t>{2, 3, 4, 4}));
}

TEST(image_preparation_test, reads_sizes_of_either_form_and_has_the_defaults_of_the_peer) {
  json config = preprocessor();
  config["size"] = {{"height", 6}, {"width", 6}};
  EXPECT_EQ(read(config).size, 6);
  config.erase("size");
  config.erase("resample");
  EXPECT_EQ(read(config).size, 224);
  EXPECT_EQ(read(config).filter, data::resampling::bilinear);
}

TEST(image_preparation_test, names_what_it_does_not_do) {
  for (const auto& [key, value] :
       std::vector<std::pair<const char*, json>>{{"size", 0},
                                                 {"size", "large"},
                                                 {"size", {{"shortest_edge", 224}}},
                                                 {"size", {{"height", 4}, {"width", 5}}},
                                                 {"resample", 1},
                                                 {"do_resize", false},
                                                 {"do_rescale", false},
                                                 {"do_normalize", false},
                                                 {"do_center_crop", true},
                                                 {"rescale_factor", 1.0},
                                                 {"image_mean", {0.5}},
                                                 {"image_std", nullptr},
                                                 {"image_std", {0.5, 0.0, 0.5}}}) {
    json config = preprocessor();
    config[key] = value;
    EXPECT_THAT(message_of([&] { read(config); }),
                AllOf(HasSubstr("DIR/preprocessor_config.json: "), HasSubstr(key)))
        << key << ": " << value;
  }
}

}  // namespace
}  // namespace dvar::evaluation
