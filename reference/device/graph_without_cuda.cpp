#include "device/graph.hpp"

namespace dvar::device {

struct graph::recorded {};

c10::MempoolId_t graph_pool::id() {
  return id_;
}

bool graph::records_on(const at::Device&) {
  return false;
}

graph::graph(computation compute, const tensors&, graph_pool&) : compute_{std::move(compute)} {}
graph::graph(graph&&) noexcept = default;
graph& graph::operator=(graph&&) noexcept = default;
graph::~graph() = default;

graph::tensors graph::operator()(const tensors& inputs) {
  return compute_(inputs);
}

}  // namespace dvar::device
