#include "evaluation/image_preparation.hpp"

#include <cmath>

namespace dvar::evaluation {
namespace {

using weights::config_reader;

/// Reads `224`, or since transformers 4.26 `{"height": 224, "width": 224}`.
std::int64_t edge_of(const config_reader& config) {
  constexpr const char* expected = "a number of pixels, or a square {\"height\": N, \"width\": N}";
  std::int64_t edge = 224;
  if (const auto& json = config.json(); json.contains("size") && json.at("size").is_object()) {
    const config_reader size = config.object("size");
    if (!size.contains("height") || !size.contains("width")) config.refuse_value("size", expected);
    edge = size.get<std::int64_t>("height");
    if (size.get<std::int64_t>("width") != edge) config.refuse_value("size", expected);
  } else {
    edge = config.get_or<std::int64_t>("size", edge);
  }
  if (edge < 1) config.refuse_value("size", expected);
  return edge;
}

void expect_true(const config_reader& config, std::string_view key) {
  if (!config.get_or(key, true)) config.refuse_value(key, "true");
}

}  // namespace

at::Tensor per_channel(const config_reader& config, std::string_view key) {
  const auto values = config.get<std::vector<double>>(key);
  if (values.size() != 3) config.refuse_value(key, "three numbers, one per channel");
  return torch::tensor(values).to(at::kFloat).view({1, 3, 1, 1});
}

image_preparation image_preparation::from_config(const config_reader& config) {
  for (const char* key : {"do_resize", "do_rescale", "do_normalize"})
    expect_true(config, key);
  if (config.get_or("do_center_crop", false)) config.refuse_value("do_center_crop", "false");
  if (std::abs(config.get_or("rescale_factor", 1.0 / 255.0) - 1.0 / 255.0) > 1e-9)
    config.refuse_value("rescale_factor", "1/255");
  // The numbers are Pillow's.
  const auto filter = config.get_or<std::int64_t>("resample", 2);
  if (filter != 2 && filter != 3) config.refuse_value("resample", "2 (bilinear) or 3 (bicubic)");
  image_preparation preparation{
      .size = edge_of(config),
      .filter = filter == 2 ? data::resampling::bilinear : data::resampling::bicubic,
      .mean = per_channel(config, "image_mean"),
      .deviation = per_channel(config, "image_std")};
  if (preparation.deviation.le(0).any().item<bool>()) config.refuse_value("image_std", "numbers above 0");
  return preparation;
}

at::Tensor image_preparation::operator()(const at::Tensor& pictures) const {
  const at::Tensor levels = data::to_bytes(pictures);
  std::vector<at::Tensor> prepared;
  for (std::int64_t i = 0; i < levels.size(0); ++i)
    prepared.push_back(data::resize_and_crop(levels[i], size, /*center_crop=*/false, filter));
  return ((at::stack(prepared) * 0.5 + 0.5) - mean) / deviation;
}

}  // namespace dvar::evaluation
