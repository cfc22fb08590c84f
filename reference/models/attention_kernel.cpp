#include "models/attention_kernel.hpp"

#include <immintrin.h>

// This file is compiled for AVX-512. It must not use inline functions of others but those of the instructions:
// the linker would keep one copy of each for the whole program, and it might be this one.

namespace dvar::models {
namespace {

using index = std::int64_t;
/// Has sixteen floats at a time.
struct wide {
  using vector = __m512;
  static constexpr index lanes = 16;
  static vector load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, vector value) { _mm512_storeu_ps(to, value); }
  static vector all(float value) { return _mm512_set1_ps(value); }
};

/// Has eight.
struct half {
  using vector = __m256;
  static constexpr index lanes = 8;
  static vector load(const float* from) { return _mm256_loadu_ps(from); }
  static void store(float* to, vector value) { _mm256_storeu_ps(to, value); }
  static vector all(float value) { return _mm256_set1_ps(value); }
};

constexpr index block_rows = 128;  // of queries, whose scores with a block of keys stay in the second cache
constexpr index block_columns = 256;  // of keys
constexpr float log2_e = 1.44269504088896341F;

inline index least(index a, index b) {
  return a < b ? a : b;
}

/// Returns 2^x for x up to 0, to the last digit or two; 0 at 2^-126 and below.
inline __m512 power_of_two(__m512 x) {
  const __m512 lowest = wide::all(-126.0F);
  const __mmask16 counts = _mm512_cmp_ps_mask(x, lowest, _CMP_GT_OQ);
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 rest = x - whole;
  // Taylor's series of e^(rest ln 2), |rest| <= 1/2: the next term is 5e-9.
  __m512 value = wide::all(1.52527338e-5F);
  value = value * rest + wide::all(1.54035304e-4F);
  value = value * rest + wide::all(1.33335581e-3F);
  value = value * rest + wide::all(9.61812911e-3F);
  value = value * rest + wide::all(5.55041087e-2F);
  value = value * rest + wide::all(2.40226507e-1F);
  value = value * rest + wide::all(6.93147181e-1F);
  value = value * rest + wide::all(1.0F);
  return _mm512_maskz_scalef_ps(counts, value, whole);
}

/// Describes the left factor of a product: element (row, k) is at `row * of_row + k * of_k`.
struct left_factor {
  const float* data;
  index of_row;
  index of_k;
};

/// Describes rows of floats.
struct matrix {
  float* data;
  index of_row;
};

/// Adds left times right to `sums`, which the compiler keeps in registers: Rows rows, Vectors vectors wide, over `depth`.
template <class Form, int Rows, int Vectors>
inline void multiply(typename Form::vector (&sums)[Rows][Vectors], const left_factor& left,
                     const float* right, index of_right, index depth) {
  for (index k = 0; k < depth; ++k) {
    typename Form::vector others[Vectors];
    for (int v = 0; v < Vectors; ++v)
      others[v] = Form::load(right + k * of_right + v * Form::lanes);
    for (int r = 0; r < Rows; ++r) {
      const typename Form::vector own = Form::all(left.data[r * left.of_row + k * left.of_k]);
      for (int v = 0; v < Vectors; ++v)
        sums[r][v] += own * others[v];
    }
  }
}

/// Adds left [rows, depth] times some columns of right [depth, of_right] to those of the result.
template <class Form, int Rows, int Vectors>
void add_columns(index rows, index depth, left_factor left, const float* right, index of_right,
                 const matrix& result) {
  for (index row = 0; row < rows; row += Rows) {
    typename Form::vector sums[Rows][Vectors];
    float* const place = result.data + row * result.of_row;
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < Vectors; ++v)
        sums[r][v] = Form::load(place + r * result.of_row + v * Form::lanes);
    multiply<Form, Rows, Vectors>(sums, left, right, of_right, depth);
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < Vectors; ++v)
        Form::store(place + r * result.of_row + v * Form::lanes, sums[r][v]);
    left.data += Rows * left.of_row;
  }
}

/// Adds left [rows, depth] times right [depth, width] to the result [rows, width], as many columns at a time as registers hold.
void add_product(index rows, index depth, index width, const left_factor& left, const float* right,
                 const matrix& result) {
  index column = 0;
  const auto add = [&](auto columns, index count) {
    columns(rows, depth, left, right + column, width, matrix{result.data + column, result.of_row});
    column += count;
  };
  while (width - column >= 5 * wide::lanes)
    add(add_columns<wide, 4, 5>, 5 * wide::lanes);
  while (width - column >= 2 * wide::lanes)
    add(add_columns<wide, 8, 2>, 2 * wide::lanes);
  if (width - column >= wide::lanes) add(add_columns<wide, 8, 1>, wide::lanes);
  if (width - column > 0) add(add_columns<half, 8, 1>, half::lanes);
}

/// Lays [count, width] out in panels of `attention_columns` rows, each the transposed of them: [panels][width][columns].
void lay_in_panels(const float* rows, index count, index width, float* panels) {
  for (index first = 0; first < count; first += attention_columns)
    for (index k = 0; k < width; ++k)
      for (index i = 0; i < attention_columns; ++i)
        *panels++ = rows[(first + i) * width + k];
}

/// Multiplies rows with the transposed of those in panels, and stores what `finish(row, column, vector)` makes of every vector.
template <class Finish>
void multiply_with_panels(index rows, index columns, index width, const float* left, const float* panels,
                          const matrix& result, Finish finish) {
  constexpr int tall = attention_rows;
  constexpr int vectors = attention_columns / wide::lanes;
  for (index column = 0; column < columns; column += attention_columns) {
    const float* const panel = panels + column * width;
    for (index row = 0; row < rows; row += tall) {
      __m512 sums[tall][vectors] = {};
      multiply<wide, tall, vectors>(sums, {left + row * width, width, 1}, panel, attention_columns, width);
      for (int r = 0; r < tall; ++r)
        for (int v = 0; v < vectors; ++v)
          wide::store(result.data + (row + r) * result.of_row + column + v * wide::lanes,
                      finish(row + r, column + v * wide::lanes, sums[r][v]));
    }
  }
}

void scale_into(float* to, const float* from, index count, float factor) {
  for (index i = 0; i < count; i += half::lanes)
    half::store(to + i, half::load(from + i) * half::all(factor));
}

void clear(float* to, index count) {
  for (index i = 0; i < count; i += half::lanes)
    half::store(to + i, half::all(0.0F));
}

float inner_product(const float* one, const float* other, index count) {
  __m256 sums = half::all(0.0F);
  for (index i = 0; i < count; i += half::lanes)
    sums += half::load(one + i) * half::load(other + i);
  return _mm512_reduce_add_ps(_mm512_zextps256_ps512(sums));
}

/// Turns a row of scores into weights relative to the row's new maximum; returns their sum.
float exponentials(float* scores, index columns, float maximum) {
  __m512 sum = wide::all(0.0F);
  for (index i = 0; i < columns; i += wide::lanes) {
    const __m512 weights = power_of_two(wide::load(scores + i) - wide::all(maximum));
    wide::store(scores + i, weights);
    sum += weights;
  }
  return _mm512_reduce_add_ps(sum);
}

float largest(const float* scores, index columns, float most) {
  __m512 found = wide::all(most);
  for (index i = 0; i < columns; i += wide::lanes)
    found = _mm512_max_ps(found, wide::load(scores + i));
  return _mm512_reduce_max_ps(found);
}

}  // namespace

bool has_attention_kernel() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0;
}

index attention_scratch(const attention_sizes& sizes) {
  // Keys and values in panels; two blocks of scores; queries, their sums and two numbers a row.
  return 2 * sizes.context * sizes.width + 2 * block_rows * block_columns +
         2 * block_rows * (sizes.width + 1);
}

void attention_forward(const attention_sizes& sizes, const float* query, const float* key, const float* value,
                       float* mixed, float* logarithms, float* scratch) {
  const index width = sizes.width;
  float* const panels = scratch;
  float* const scores = panels + sizes.context * width;
  float* const scaled = scores + block_rows * block_columns;
  float* const maxima = scaled + block_rows * width;
  float* const sums = maxima + block_rows;
  lay_in_panels(key, sizes.context, width, panels);
  for (index first = 0; first < sizes.length; first += block_rows) {
    const index rows = least(block_rows, sizes.length - first);
    float* const result = mixed + first * width;
    // Exponentials are powers of two.
    scale_into(scaled, query + first * width, rows * width, sizes.scale * log2_e);
    clear(result, rows * width);
    for (index row = 0; row < rows; ++row) {
      maxima[row] = -__builtin_inff();
      sums[row] = 0.0F;
    }
    for (index start = 0; start < sizes.context; start += block_columns) {
      const index columns = least(block_columns, sizes.context - start);
      multiply_with_panels(rows, columns, width, scaled, panels + start * width, {scores, block_columns},
                           [](index, index, __m512 tile) { return tile; });
      for (index row = 0; row < rows; ++row) {
        float* const own = scores + row * block_columns;
        const float maximum = largest(own, columns, maxima[row]);
        const float shrink = power_of_two(wide::all(maxima[row] - maximum))[0];
        sums[row] = sums[row] * shrink + exponentials(own, columns, maximum);
        maxima[row] = maximum;
        scale_into(result + row * width, result + row * width, width, shrink);
      }
      add_product(rows, columns, width, {scores, block_columns, 1}, value + start * width, {result, width});
    }
    for (index row = 0; row < rows; ++row) {
      scale_into(result + row * width, result + row * width, width, 1.0F / sums[row]);
      logarithms[first + row] = maxima[row] + __builtin_log2f(sums[row]);
    }
  }
}

void attention_backward(const attention_sizes& sizes, const float* query, const float* key,
                        const float* value, const float* mixed, const float* logarithms,
                        const float* gradient, float* query_gradient, float* key_gradient,
                        float* value_gradient, float* scratch) {
  const index width = sizes.width;
  float* const key_panels = scratch;
  float* const value_panels = key_panels + sizes.context * width;
  float* const weights = value_panels + sizes.context * width;
  float* const of_scores = weights + block_rows * block_columns;
  float* const scaled = of_scores + block_rows * block_columns;
  float* const products = scaled + block_rows * width;
  lay_in_panels(key, sizes.context, width, key_panels);
  lay_in_panels(value, sizes.context, width, value_panels);
  clear(query_gradient, sizes.length * width);
  clear(key_gradient, sizes.context * width);
  clear(value_gradient, sizes.context * width);
  for (index first = 0; first < sizes.length; first += block_rows) {
    const index rows = least(block_rows, sizes.length - first);
    const float* const arrived = gradient + first * width;
    scale_into(scaled, query + first * width, rows * width, sizes.scale * log2_e);
    for (index row = 0; row < rows; ++row)
      products[row] = inner_product(arrived + row * width, mixed + (first + row) * width, width);
    const float* const logarithm = logarithms + first;
    for (index start = 0; start < sizes.context; start += block_columns) {
      const index columns = least(block_columns, sizes.context - start);
      const matrix p{weights, block_columns}, ds{of_scores, block_columns};
      multiply_with_panels(
          rows, columns, width, scaled, key_panels + start * width, p,
          [&](index row, index, __m512 tile) { return power_of_two(tile - wide::all(logarithm[row])); });
      multiply_with_panels(rows, columns, width, arrived, value_panels + start * width, ds,
                           [&](index row, index column, __m512 tile) {
                             return wide::load(weights + row * block_columns + column) *
                                    (tile - wide::all(products[row]));
                           });
      add_product(columns, rows, width, {weights, 1, block_columns}, arrived,
                  {value_gradient + start * width, width});
      add_product(columns, rows, width, {of_scores, 1, block_columns}, query + first * width,
                  {key_gradient + start * width, width});
      add_product(rows, columns, width, {of_scores, block_columns, 1}, key + start * width,
                  {query_gradient + first * width, width});
    }
  }
  scale_into(query_gradient, query_gradient, sizes.length * width, sizes.scale);
  scale_into(key_gradient, key_gradient, sizes.context * width, sizes.scale);
}

}  // namespace dvar::models
