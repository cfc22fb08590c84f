#pragma once

#include "torch.hpp"

namespace dvar::models {

/// Computes softmax(Q K^T / sqrt(d)) V, some rows of the matrix of scores at a time: as many as `most_scores`
/// numbers hold, over the whole batch and all heads, but at least one. Their softmax is not kept: the
/// gradient computes it again, slice by slice, so that memory beyond the arguments' and the result's own size
/// is O(most_scores) in both directions. query [batch, heads, length, width], key and value [batch, heads,
/// context, width]; causal: position i sees positions up to i only. Gradients are of first order.
at::Tensor sliced_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                            bool causal, std::int64_t most_scores = std::int64_t{1} << 22);

}  // namespace dvar::models
