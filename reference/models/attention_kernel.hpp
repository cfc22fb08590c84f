#pragma once

#include <cstdint>

namespace dvar::models {

/// Holds the sizes of one head of attention.
struct attention_sizes {
  std::int64_t length = 0;   ///< queries, a multiple of `attention_rows`
  std::int64_t context = 0;  ///< keys, a multiple of `attention_columns`
  std::int64_t width = 0;    ///< numbers of a query, a multiple of 8
  float scale = 1.0F;        ///< of the scores
};

inline constexpr std::int64_t attention_rows = 8;
inline constexpr std::int64_t attention_columns = 32;

/// Returns whether this processor has the instructions that the kernel is compiled for, AVX-512.
bool has_attention_kernel();

/// Returns how many floats the kernel works in.
std::int64_t attention_scratch(const attention_sizes& sizes);

/// Computes mixed = softmax(scale Q K^T) V of one head, from contiguous query [length, width], key and value [context, width],
/// and for the gradient the base-2 logarithm of each row's sum of exponentials, [length]. The scores are computed a tile at a
/// time, with a running maximum (Dao et al., arXiv 2205.14135, algorithm 1), and never held. O(length context width).
void attention_forward(const attention_sizes& sizes, const float* query, const float* key, const float* value,
                       float* mixed, float* logarithms, float* scratch);

/// Computes the gradients of query, key and value from that of `mixed`; the scores are computed again (algorithm 4).
void attention_backward(const attention_sizes& sizes, const float* query, const float* key,
                        const float* value, const float* mixed, const float* logarithms,
                        const float* gradient, float* query_gradient, float* key_gradient,
                        float* value_gradient, float* scratch);

}  // namespace dvar::models
