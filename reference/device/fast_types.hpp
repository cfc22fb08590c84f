#pragma once

#include "torch.hpp"

namespace dvar::device {

/// Returns whether a device computes with numbers of a type by instructions of their own. Where it does not, a library widens them
/// for every product and rounds the results, which takes several times as long as fp32. True where that is not known.
bool computes_fast(const at::Device& device, at::ScalarType type);

}  // namespace dvar::device
