#include <stdexcept>
#include <string>

#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>

#include "device/graph.hpp"

namespace dvar::device {
namespace {

/// Runs what it encloses on a stream of its own, which begins when what was launched before is done. A graph cannot be
/// recorded on the stream that everything else runs on.
class own_stream {
 public:
  explicit own_stream(const at::Device& device)
      : stream_{c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index())} {
    at::cuda::CUDAEvent before;
    before.record(c10::cuda::getCurrentCUDAStream(device.index()));
    before.block(stream_);
    guard_.reset_stream(stream_);
  }
  void wait() const { stream_.synchronize(); }

 private:
  c10::cuda::CUDAStream stream_;
  c10::cuda::OptionalCUDAStreamGuard guard_;
};

}  // namespace

struct graph::recorded {
  at::cuda::CUDAGraph graph;
};

c10::MempoolId_t graph_pool::id() {
  if (id_ == c10::MempoolId_t{0, 0}) id_ = at::cuda::graph_pool_handle();
  return id_;
}

bool graph::records_on(const at::Device& device) {
  return device.is_cuda();
}

graph::graph(computation compute, const tensors& inputs, graph_pool& pool) : compute_{std::move(compute)} {
  if (inputs.empty() || !records_on(inputs.front().device())) return;
  for (const at::Tensor& input : inputs)
    inputs_.push_back(input.clone());
  recorded_ = std::make_unique<recorded>();
  const own_stream stream{inputs.front().device()};
  // The libraries below choose kernels and take workspaces at the first run; the second finds the memory that the first left.
  constexpr int rehearsals = 2;
  for (int i = 0; i < rehearsals; ++i)
    compute_(inputs_);
  stream.wait();
  c10::cuda::CUDACachingAllocator::emptyCache();
  // Only what this thread does is recorded, and only it may not do what cannot be: others may go on.
  recorded_->graph.capture_begin(pool.id(), cudaStreamCaptureModeThreadLocal);
  try {
    outputs_ = compute_(inputs_);
    recorded_->graph.capture_end();
  } catch (const c10::Error& error) {
    try {
      recorded_->graph.capture_end();
    } catch (const c10::Error&) {  // a recording that failed cannot end well; the first error says why
    }
    throw std::runtime_error(std::string{"LibTorch cannot record this computation as a CUDA graph: "}.append(
        error.what_without_backtrace()));
  }
  stream.wait();
}

graph::graph(graph&&) noexcept = default;
graph& graph::operator=(graph&&) noexcept = default;
graph::~graph() = default;

graph::tensors graph::operator()(const tensors& inputs) {
  if (!recorded_) return compute_(inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    inputs_[i].copy_(inputs[i], /*non_blocking=*/true);
  recorded_->graph.replay();
  tensors outputs;
  for (const at::Tensor& output : outputs_)
    outputs.push_back(output.clone());
  return outputs;
}

}  // namespace dvar::device
