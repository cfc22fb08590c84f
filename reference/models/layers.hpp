/// \file
/// Provides the layers that every network here is made of. Each holds its parameters and is called like a
/// function; shapes are those of PyTorch: images [batch, channels, height, width], sequences [batch,
/// length, width].
#pragma once

#include "models/frozen_product.hpp"
#include "models/low_rank.hpp"
#include "models/parameters.hpp"
#include "models/replaced_weight.hpp"

namespace dvar::models {

enum class bias { with, without };

struct linear {
  at::Tensor weight;  ///< [out, in]
  at::Tensor offset;  ///< [out], undefined without bias
  added_products added;
  at::Tensor replacement;  ///< [out, in], stands for the weight where it is defined

  linear(const scope& parameters, std::int64_t in, std::int64_t out, bias kind = bias::with);
  linear(const scope& parameters, std::int64_t in, std::int64_t out, bias kind, initial_value initial);
  /// Takes input [..., in]; `keys` are those of `added_products`.
  at::Tensor operator()(const at::Tensor& input, const at::Tensor& keys = {}) const {
    return added(replacement.defined() ? replaced_product(input, replacement, offset)
                                       : frozen_product(input, weight, offset),
                 input, keys);
  }
};

struct convolution_options {
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  std::int64_t padding = 1;
  bias kind = bias::with;
  /// Whether the weights start at zero: a residual branch that does lets a deep network start as the identity.
  bool starts_at_zero = false;
};

struct convolution_2d {
  at::Tensor weight;  ///< [out, in, kernel, kernel]
  at::Tensor offset;  ///< [out], undefined without bias
  std::int64_t stride;
  std::int64_t padding;
  added_products added;

  convolution_2d(const scope& parameters, std::int64_t in, std::int64_t out,
                 const convolution_options& options = {});
  /// Takes input [batch, in, height, width]; `keys` are those of `added_products`.
  at::Tensor operator()(const at::Tensor& input, const at::Tensor& keys = {}) const;
};

struct group_norm {
  at::Tensor weight;
  at::Tensor offset;
  std::int64_t groups;
  double epsilon;

  group_norm(const scope& parameters, std::int64_t groups, std::int64_t channels, double epsilon);
  at::Tensor operator()(const at::Tensor& input) const;
  /// Returns SiLU of the norm, of which the graph keeps less than of one after the other.
  at::Tensor then_silu(const at::Tensor& input) const;
};

struct layer_norm {
  at::Tensor weight;
  at::Tensor offset;
  double epsilon;

  layer_norm(const scope& parameters, std::int64_t width, double epsilon = 1e-5);
  at::Tensor operator()(const at::Tensor& input) const;
};

using activation = at::Tensor (*)(const at::Tensor&);

/// Returns the activation of a configuration's name: `silu` (or `swish`), `gelu`, `quick_gelu`. Throws
/// `dvar::input_error`, which names `location` (file and key), when the name is another one.
activation activation_named(const std::string& name, const std::string& location);

}  // namespace dvar::models
