#pragma once

namespace dvar::device {

/// Gives LibTorch's `meta` device the operations of the networks that it lacks. Calling it again does nothing.
void register_meta_kernels();

}  // namespace dvar::device
