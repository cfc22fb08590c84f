#pragma once

#include "torch.hpp"

namespace dvar::models {

/// Says how attention is computed. All forms give the same up to rounding.
enum class attention_form {
  /// A form that never holds the matrix of scores: our own on processors that it is written for, else LibTorch's
  /// scaled_dot_product_attention.
  fused,
  /// Some rows of the matrix of scores at a time, computed again for the gradient.
  sliced,
  plain  ///< the whole matrix of scores, kept for the gradient
};

/// Says what a network trades for memory.
struct execution_options {
  attention_form attention = attention_form::fused;
  /// Whether only the inputs of the network's blocks are kept for the gradient, which computes the blocks again.
  bool gradient_checkpointing = false;
  /// Whether what a run repeats is recorded as a `device::graph` where the device can.
  bool graphs = false;
};

/// Says where frozen weights are that a file has in a type which the networks can compute with as it is, or widened: in that of
/// the networks, or in a narrower one.
enum class weight_place {
  automatic,  ///< in the file for networks of 64 MB or more, else in memory
  memory,     ///< copied, and converted once
  /// In the mapped file, brought to the networks' type layer by layer: what is shared with other processes, what the system can take
  /// back when memory is short, and what changes when another program writes to the file.
  file,
  /// In the mapped file in whatever type, and out of this process's memory again after every use of a layer.
  streamed
};

/// Says where networks live, what they compute in, and how: every choice that depends on the device is
/// made here.
///
/// The networks are frozen and hold no sums that need more digits than they have, so they are stored and
/// computed in one type throughout, as the peers do with `torch_dtype`: there is no autocast that would
/// decide per operation. Normalization, softmax and matrix products add up in fp32 inside LibTorch whatever
/// the type. Vectors, losses and optimizers have their own, `master()`.
struct placement {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
  execution_options execution = {};
  weight_place weights = weight_place::automatic;

  /// Returns the type of vectors, latents, losses and optimizers: fp32, or float64 where the networks compute
  /// in that.
  at::ScalarType master() const { return dtype == at::kDouble ? at::kDouble : at::kFloat; }

  /// Returns whether weights of a type, which are those of a network of so many bytes, stay in their file.
  bool leaves_in_file(at::ScalarType stored, std::int64_t network_bytes) const;

  /// Returns a parameter as networks keep it in memory: in `dtype`, on `device`, convolutions' weights with channels
  /// last. It is always a copy: the page of a mapped file may change under us, and cannot be written to. To another
  /// device the numbers go as the file has them, and are converted there.
  at::Tensor parameter(const at::Tensor& stored) const;

  /// Returns pictures or latents [batch, channels, height, width] as networks take them: in `dtype`, on
  /// `device`, channels last.
  at::Tensor images(const at::Tensor& given) const;

  /// Returns what was made on the CPU, such as draws, on `device`. A GPU fetches it while both go on working.
  at::Tensor sent(const at::Tensor& made) const;
};

}  // namespace dvar::models
