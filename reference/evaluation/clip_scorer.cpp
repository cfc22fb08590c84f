#include "evaluation/clip_scorer.hpp"

#include <algorithm>

#include "evaluation/image_preparation.hpp"
#include "models/clip_model.hpp"
#include "models/open_networks.hpp"
#include "weights/model_directory.hpp"

namespace dvar::evaluation {
namespace {

using weights::config_reader;

bool is_clip_model(const std::filesystem::path& directory) {
  return std::filesystem::exists(directory / "config.json");
}

}  // namespace

bool clip_scorer::is_in(const std::filesystem::path& directory) {
  return is_clip_model(directory) || std::filesystem::is_directory(directory / "image_encoder");
}

clip_scorer clip_scorer::open(const std::filesystem::path& directory, const models::placement& placement) {
  const at::Device device = placement.device;
  if (is_clip_model(directory)) {
    models::clip_model towers = models::clip_model::open(weights::open_component(directory), placement);
    const config_reader preprocessor{directory / "preprocessor_config.json"};
    return {text::clip_tokenizer::from_directory(directory),
            std::move(towers.text),
            std::move(towers.vision),
            per_channel(preprocessor, "image_mean").to(device),
            per_channel(preprocessor, "image_std").to(device),
            placement};
  }
  const weights::component_files text_files = weights::open_component(directory / "text_encoder");
  const weights::component_files image_files = weights::open_component(directory / "image_encoder");
  const config_reader preprocessor{directory / "feature_extractor" / "preprocessor_config.json"};
  return {text::clip_tokenizer::from_directory(directory / "tokenizer"),
          models::open_projecting_clip_text(text_files, placement),
          models::open_clip_vision(image_files, placement),
          per_channel(preprocessor, "image_mean").to(device),
          per_channel(preprocessor, "image_std").to(device),
          placement};
}

clip_scorer::clip_scorer(text::clip_tokenizer tokenizer, models::clip_text text, models::clip_vision vision,
                         at::Tensor mean, at::Tensor deviation, const models::placement& placement)
    : tokenizer_{std::move(tokenizer)},
      text_{std::move(text)},
      vision_{std::move(vision)},
      mean_{std::move(mean)},
      deviation_{std::move(deviation)},
      placement_{placement} {}

at::Tensor clip_scorer::image_features(const at::Tensor& pictures) const {
  const at::NoGradGuard no_gradient;
  const std::int64_t size = vision_.options().image_size;
  at::Tensor resized = pictures.to(placement_.device, at::kFloat);
  if (resized.size(2) != size || resized.size(3) != size)
    resized = at::_upsample_bicubic2d_aa(resized, {size, size}, /*align_corners=*/false);
  const at::Tensor pixels = ((resized.clamp(-1.0, 1.0) * 0.5 + 0.5) - mean_) / deviation_;
  return unit_rows(vision_(pixels.to(placement_.dtype)));
}

at::Tensor clip_scorer::text_features(const std::vector<std::string>& texts) const {
  const at::NoGradGuard no_gradient;
  constexpr std::size_t chunk = 256;
  std::vector<at::Tensor> features;
  for (std::size_t start = 0; start < texts.size(); start += chunk) {
    const std::size_t count = std::min(texts.size() - start, chunk);
    features.push_back(features_of_chunk(std::span{texts}.subspan(start, count)));
  }
  return at::cat(features);
}

at::Tensor clip_scorer::features_of_chunk(std::span<const std::string> texts) const {
  std::vector<std::vector<std::int64_t>> rows;
  for (const std::string& each : texts)
    rows.push_back(tokenizer_.encode(each));
  // The text tower is causal: what follows the longest text's end cannot change anything before it, and what the texts begin
  // with is the same for all.
  const std::size_t longest = std::ranges::max(rows, {}, &std::vector<std::int64_t>::size).size();
  std::size_t beginning = rows.front().size() - 1;
  for (const std::vector<std::int64_t>& row : rows) {
    const auto differ = std::ranges::mismatch(row, rows.front());
    beginning = std::min({beginning, row.size() - 1, static_cast<std::size_t>(differ.in1 - row.begin())});
  }
  std::vector<std::int64_t> ends;
  std::vector<at::Tensor> ids;
  for (std::vector<std::int64_t>& row : rows) {
    ends.push_back(static_cast<std::int64_t>(row.size() - 1 - beginning));
    row.resize(longest, tokenizer_.pad_id());
    ids.push_back(torch::tensor(row));
  }
  const at::Tensor embedded = text_.embed(at::stack(ids).to(placement_.device));
  const at::Tensor states = text_.encode_behind(static_cast<std::int64_t>(beginning), embedded);
  return unit_rows(text_.project(states, torch::tensor(ends).to(placement_.device)));
}

}  // namespace dvar::evaluation
