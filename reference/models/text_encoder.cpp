#include "models/text_encoder.hpp"

#include <utility>

#include <fmt/format.h>

namespace dvar::models {
namespace {

/// Names the layers of a tower as files of LoRAs have them.
void name_layers(clip_text& tower, const std::string& prefix) {
  clip_text::visit_added(tower, [&](added_products& layer) {
    constexpr std::string_view of_tower = "text_model.";
    // transformers 5 writes a CLIPTextModel without this.
    if (!layer.layer.starts_with(of_tower)) layer.layer.insert(0, of_tower);
    layer.layer.insert(0, prefix);
  });
}

}  // namespace

text_encoder::text_encoder(clip_text network) : network_{std::move(network)} {
  name_layers(std::get<clip_text>(network_), std::string{name} + ".");
}

text_encoder::text_encoder(clip_pair network) : network_{std::move(network)} {
  bool is_first = true;
  clip_pair::visit_towers(std::get<clip_pair>(network_), [&](clip_text& tower) {
    name_layers(tower, std::string{name} + (is_first ? "." : "_2."));
    if (std::exchange(is_first, false)) {
      // Of the first tower the states before the last layer are used alone.
      const std::string last = fmt::format(".layers.{}.", tower.options().encoder.layers - 1);
      clip_text::visit_added(tower, [&](added_products& layer) {
        layer.has_effect = layer.layer.find(last) == std::string::npos;
      });
    }
  });
}

const at::Tensor& text_encoder::token_embedding() const {
  return std::visit([](const auto& network) -> const at::Tensor& { return network.token_embedding(); },
                    network_);
}

conditioning text_encoder::encode(const at::Tensor& ids, const at::Tensor& concept_vectors,
                                  const at::Tensor& keys) const {
  const auto encoded = [&]() -> conditioning {
    if (const auto* pair = std::get_if<clip_pair>(&network_)) return pair->encode(ids, concept_vectors, keys);
    if (const auto* clip = std::get_if<clip_text>(&network_))
      return clip->encode(clip->embed(ids, concept_vectors), keys);
    const auto& bert = std::get<ldm_bert>(network_);
    return bert.encode(bert.embed(ids, concept_vectors));
  };
  conditioning result = encoded();
  result.dropout_keys = keys;
  return result;
}

std::vector<added_products> text_encoder::layers_to_add_to() const {
  std::vector<added_products> layers;
  visit_added(*this, [&](const added_products& layer) { layers.push_back(layer); });
  return layers;
}

text_encoder text_encoder::with(const low_rank_products& added) const {
  text_encoder result = *this;
  std::vector<added_products*> layers;
  visit_added(result, [&](added_products& layer) { layers.push_back(&layer); });
  models::add(added, layers);
  return result;
}

std::vector<std::int64_t> text_encoder::widths() const {
  const auto* pair = std::get_if<clip_pair>(&network_);
  if (pair == nullptr) return {width()};
  return {pair->first_width(), width() - pair->first_width()};
}

std::int64_t text_encoder::pooled_width() const {
  const auto* pair = std::get_if<clip_pair>(&network_);
  return pair == nullptr ? 0 : pair->projection_width();
}

std::int64_t text_encoder::max_length() const {
  if (const auto* pair = std::get_if<clip_pair>(&network_)) return pair->max_length();
  if (const auto* clip = std::get_if<clip_text>(&network_)) return clip->options().max_length;
  return std::get<ldm_bert>(network_).options().max_length;
}

}  // namespace dvar::models
