#include "models/clip_pair.hpp"

#include <stdexcept>

namespace dvar::models {

clip_pair::clip_pair(clip_text first, clip_text second, std::int64_t end_id)
    : first_{std::move(first)}, second_{std::move(second)}, end_id_{end_id} {
  if (first_.options().vocabulary_size != second_.options().vocabulary_size ||
      first_.options().max_length != second_.options().max_length)
    throw std::invalid_argument("clip_pair: towers of different vocabularies or lengths");
  if (projection_width() == 0) throw std::invalid_argument("clip_pair: a second tower without a projection");
  token_embedding_ = at::cat({first_.token_embedding(), second_.token_embedding()}, /*dim=*/1);
  // The towers look at the joined table, so that no number of it is held twice.
  first_.share_token_embedding(token_embedding_.narrow(/*dim=*/1, 0, first_width()));
  second_.share_token_embedding(
      token_embedding_.narrow(/*dim=*/1, first_width(), token_embedding_.size(1) - first_width()));
}

conditioning clip_pair::encode(const at::Tensor& ids, const at::Tensor& concept_vectors,
                               const at::Tensor& keys) const {
  const std::int64_t length = ids.size(1) / 2;
  const at::Tensor ids_of_second = ids.narrow(/*dim=*/1, length, length);
  const auto columns = [&](std::int64_t begin, std::int64_t count) {
    return concept_vectors.defined() ? concept_vectors.narrow(/*dim=*/1, begin, count) : concept_vectors;
  };
  const std::int64_t second_width = second_.options().encoder.width;
  const at::Tensor states = first_.encode_to_penultimate(
      first_.embed(ids.narrow(/*dim=*/1, 0, length), columns(0, first_width())), keys);
  const clip_text_states of_second = second_.encode_with_penultimate(
      second_.embed(ids_of_second, columns(first_width(), second_width)), keys);
  // The first of equal values is what argmax finds.
  const at::Tensor end = (ids_of_second == end_id_).to(at::kInt).argmax(/*dim=*/1);
  return {at::cat({states, of_second.penultimate}, /*dim=*/2), second_.project(of_second.last, end)};
}

}  // namespace dvar::models
