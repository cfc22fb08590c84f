#include "models/text_encoder.hpp"

namespace dvar::models {

const at::Tensor& text_encoder::token_embedding() const {
  return std::visit([](const auto& network) -> const at::Tensor& { return network.token_embedding(); },
                    network_);
}

conditioning text_encoder::encode(const at::Tensor& ids, const at::Tensor& concept_vectors) const {
  if (const auto* pair = std::get_if<clip_pair>(&network_)) return pair->encode(ids, concept_vectors);
  if (const auto* clip = std::get_if<clip_text>(&network_))
    return clip->encode(clip->embed(ids, concept_vectors));
  const auto& bert = std::get<ldm_bert>(network_);
  return bert.encode(bert.embed(ids, concept_vectors));
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
