#pragma once

#include "torch.hpp"

namespace dvar::models {

/// Returns rows of a token embedding, among them those of a concept that is being learned.
///
/// From table [vocabulary, width] and ids [batch, length] come [batch, length, width]. An id beyond the table
/// stands for a concept's vector: id `vocabulary + i` takes row i of `concept_vectors` [vectors, width],
/// through which gradients flow.
at::Tensor embed_tokens(const at::Tensor& table, const at::Tensor& ids,
                        const at::Tensor& concept_vectors = {});

}  // namespace dvar::models
