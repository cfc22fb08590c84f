#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "torch.hpp"

namespace dvar::device {

/// Holds the memory of graphs that never run at the same time: they share it.
class graph_pool {
 public:
  graph_pool() = default;

  /// Returns LibTorch's number of the memory, the same at every call.
  c10::MempoolId_t id();

 private:
  c10::MempoolId_t id_{0, 0};
};

/// Repeats a computation on other numbers of the same shapes.
///
/// On a GPU a network of a thousand small operations waits for the processor that launches them. There the computation
/// runs twice to find its memory and its kernels, is recorded once as a CUDA graph, and from then on is launched as one. On
/// other devices it is computed anew every time.
///
/// What the computation refers to besides its inputs must stay where it is in memory, and may change its values.
class graph {
 public:
  using tensors = std::vector<at::Tensor>;
  using computation = std::function<tensors(const tensors&)>;

  /// Returns whether computations on the device are recorded: it is a GPU, and LibTorch was built for it.
  static bool records_on(const at::Device& device);

  /// Records `compute`, which takes tensors of the shapes, types and device of `inputs`, reads no number from the device,
  /// and sends none to it. `pool` must outlive the graph. Throws `std::runtime_error` when LibTorch cannot record it.
  graph(computation compute, const tensors& inputs, graph_pool& pool);
  graph(graph&&) noexcept;
  graph& operator=(graph&&) noexcept;
  ~graph();

  /// Returns what the computation gives for these inputs, in tensors of their own.
  tensors operator()(const tensors& inputs);

 private:
  struct recorded;

  computation compute_;
  tensors inputs_;  ///< where the recorded computation reads
  tensors outputs_;
  std::unique_ptr<recorded> recorded_;
};

}  // namespace dvar::device
