#pragma once

#include <cstdint>

#include "torch.hpp"

namespace dvar::models {

/// Returns which elements of an input of these sizes, [batch, ...], stay: bool of the same sizes, each true by itself with the
/// probability 1 - `dropout`.
///
/// What decides is the key of the element's input in the batch (`keys` int64 [batch]), `salt`, which tells layers apart, and the
/// element's place in its input: neither the batch that the input is in, nor the device. Throws `std::invalid_argument` when there is
/// not a key for each input.
at::Tensor kept_elements(at::IntArrayRef sizes, double dropout, const at::Tensor& keys, std::uint64_t salt);

/// Returns the input with zeros for the elements that do not stay, and the others divided by 1 - `dropout` (Srivastava et al.,
/// JMLR 15, 2014, section 4, as PyTorch scales it). A `dropout` of 0 leaves all as they are; it is less than 1.
at::Tensor dropped_out(const at::Tensor& input, double dropout, const at::Tensor& keys, std::uint64_t salt);

}  // namespace dvar::models
