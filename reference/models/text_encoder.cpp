#include "models/text_encoder.hpp"

#include "models/token_embedding.hpp"

namespace dvar::models {

const at::Tensor& text_encoder::token_embedding() const {
  return std::visit([](const auto& network) -> const at::Tensor& { return network.token_embedding(); },
                    network_);
}

at::Tensor text_encoder::embed(const at::Tensor& ids, const at::Tensor& concept_vectors) const {
  return embed_tokens(token_embedding(), ids, concept_vectors);
}

at::Tensor text_encoder::encode(const at::Tensor& embedded) const {
  return std::visit([&](const auto& network) { return network.encode(embedded); }, network_);
}

std::int64_t text_encoder::max_length() const {
  return std::visit([](const auto& network) { return network.options().max_length; }, network_);
}

}  // namespace dvar::models
