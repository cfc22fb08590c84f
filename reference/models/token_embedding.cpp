#include "models/token_embedding.hpp"

namespace dvar::models {

at::Tensor embed_tokens(const at::Tensor& table, const at::Tensor& ids, const at::Tensor& concept_vectors) {
  if (!concept_vectors.defined()) return at::embedding(table, ids);
  const std::int64_t vocabulary = table.size(0);
  const at::Tensor is_concept = ids >= vocabulary;
  const at::Tensor known = at::embedding(table, ids.masked_fill(is_concept, 0));
  const at::Tensor learned =
      at::embedding(concept_vectors, (ids - vocabulary).clamp_min(0)).to(known.scalar_type());
  return at::where(is_concept.unsqueeze(-1), learned, known);
}

}  // namespace dvar::models
