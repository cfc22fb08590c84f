#pragma once

#include <functional>

#include "torch.hpp"

namespace dvar::models {

/// Computes a part of a network from tensors. It must give the same whenever it is called on the same.
using network_block = std::function<at::Tensor(at::TensorList inputs)>;

/// Calls a block. With `checkpointed`, the graph keeps the inputs alone and none of the tensors that come up inside;
/// the gradient calls the block again (Chen et al., arXiv 1604.06174). That costs a forward pass more, and the memory of
/// one block at a time instead of all.
///
/// Gradients flow to the inputs and to `trained`, the leaves that the block refers to and that are to be learned. What it refers
/// to besides is frozen, and must live until the gradient is computed. Either way the gradients of what goes on inside a block are added up before they join others', so that
/// both give the same bits wherever the operations do.
at::Tensor call_block(const network_block& block, std::vector<at::Tensor> inputs, bool checkpointed,
                      const std::vector<at::Tensor>& trained = {});

}  // namespace dvar::models
