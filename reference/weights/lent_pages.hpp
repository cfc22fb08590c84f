#pragma once

#include <functional>

#include "torch.hpp"

namespace dvar::weights {

/// Returns a tensor of the same numbers in the same memory. `give_back` calls `release` for it and for all views of it, as long as it
/// or one of them lives.
[[nodiscard]] at::Tensor lend(const at::Tensor& tensor, std::function<void()> release);

/// Says whether a tensor is, or is a view of, one that was lent.
[[nodiscard]] bool is_lent(const at::Tensor& tensor);

/// Takes a tensor that was lent out of memory: it is read again when it is used. Does nothing to others. Safe while other threads
/// read it, and cheap: nothing is copied or written.
void give_back(const at::Tensor& tensor);

/// Gives a tensor back on every way out of a function that reads it.
struct given_back {
  const at::Tensor& tensor;
  ~given_back() { give_back(tensor); }
};

}  // namespace dvar::weights
