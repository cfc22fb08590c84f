#pragma once

#include <cstdint>

#include "torch.hpp"

namespace dvar::device {

/// Returns LibTorch's device whose tensors have shapes and no numbers, able to do what networks do. LibTorch itself knows some of
/// the operations' shapes only in Python.
///
/// Attention in its fused form holds there what it holds on a GPU, and not the matrix of scores. A parameter that wants a
/// gradient is refused where a layer's gradient is taken: frozen networks have none.
at::Device meta_device();

/// Counts the bytes that tensors on `meta_device()` would hold on another. There is one count for the process.
class meta_memory {
 public:
  /// Starts to count the peak from what is held now.
  meta_memory();

  /// Returns the bytes that are held now, beyond those that were when the object was made.
  std::int64_t held() const;
  /// Returns the most that was held at once since then, beyond the same.
  std::int64_t peak() const;

 private:
  std::int64_t before_;
};

}  // namespace dvar::device
