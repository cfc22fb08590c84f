#pragma once

#include "torch.hpp"

namespace dvar::device {

/// Returns whether a device computes with numbers of a type by instructions of their own. Where it does not, a library widens them
/// for every product and rounds the results, which takes several times as long as fp32. True where that is not known.
bool computes_fast(const at::Device& device, at::ScalarType type);

/// Returns the shortest type in which frozen networks are computed on a device without losing time for it: bf16 on a GPU, and on a processor that
/// is known to have instructions for it; fp32 elsewhere.
at::ScalarType shortest_fast_type(const at::Device& device);

}  // namespace dvar::device
