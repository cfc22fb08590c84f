#include "models/attention.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <tuple>

#include "models/sliced_attention.hpp"
#include "models/tiled_attention.hpp"

namespace dvar::models {
namespace {

at::Tensor split_heads(const at::Tensor& input, std::int64_t heads) {
  return input.view({input.size(0), input.size(1), heads, input.size(2) / heads}).transpose(1, 2);
}

at::Tensor fused_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           bool causal) {
  // Without numbers LibTorch would take the form with the matrix of scores: a count of memory would count that.
  if (query.is_meta())
    return std::get<0>(at::_scaled_dot_product_flash_attention_for_cpu(query, key, value, 0.0, causal));
  if (!causal && has_tiled_attention(query, key, value)) return tiled_attention(query, key, value);
  return at::scaled_dot_product_attention(query, key, value, /*attn_mask=*/{}, /*dropout_p=*/0.0, causal);
}

at::Tensor plain_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           bool causal) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(query.size(-1)));
  at::Tensor scores = at::matmul(query * scale, key.transpose(-2, -1));
  if (causal) {
    const std::int64_t length = query.size(-2), context = key.size(-2);
    const at::Tensor future = torch::ones({length, context}, query.options().dtype(at::kBool))
                                  .triu(/*diagonal=*/1 + context - length);
    scores = scores.masked_fill(future, -std::numeric_limits<double>::infinity());
  }
  return at::matmul(at::softmax(scores, /*dim=*/-1), value);
}

at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, bool causal,
                  attention_form form) {
  // The other forms let the first position see the first alone. A few positions behind a long context have a small matrix.
  if (causal && query.size(-2) != key.size(-2)) return plain_attention(query, key, value, causal);
  switch (form) {
    case attention_form::fused:
      return fused_attention(query, key, value, causal);
    case attention_form::sliced:
      return sliced_attention(query, key, value, causal);
    case attention_form::plain:
      return plain_attention(query, key, value, causal);
  }
  throw std::logic_error("attention: unknown form");
}

}  // namespace

at::Tensor multi_head_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                std::int64_t heads, bool causal, attention_form form) {
  const at::Tensor mixed =
      attend(split_heads(query, heads), split_heads(key, heads), split_heads(value, heads), causal, form);
  return mixed.transpose(1, 2).reshape(query.sizes());
}

attention::attention(const scope& parameters, const attention_options& options)
    : heads_{options.heads},
      form_{options.form},
      to_query_{parameters / "to_q", options.query_width, options.inner_width, options.projections},
      to_key_{parameters / "to_k", options.context_width, options.inner_width, options.projections},
      to_value_{parameters / "to_v", options.context_width, options.inner_width, options.projections},
      to_output_{parameters / "to_out" / 0, options.inner_width, options.query_width} {}

at::Tensor attention::operator()(const at::Tensor& hidden, const at::Tensor& context,
                                 const at::Tensor& keys) const {
  return to_output_(multi_head_attention(to_query_(hidden, keys), to_key_(context, keys),
                                         to_value_(context, keys), heads_, /*causal=*/false, form_),
                    keys);
}

}  // namespace dvar::models
