#include "device/graph.hpp"

#include <gtest/gtest.h>

namespace dvar::device {
namespace {

TEST(graph_test, without_a_gpu_the_computation_is_done_anew) {
  int calls = 0;
  at::Tensor factor = torch::tensor(2.0);
  graph_pool pool;
  graph doubled{[&](const graph::tensors& inputs) -> graph::tensors {
                  ++calls;
                  return {inputs[0] * factor};
                },
                {torch::tensor(0.0)},
                pool};
  EXPECT_FALSE(graph::records_on(at::kCPU));
  EXPECT_EQ(doubled({torch::tensor(3.0)}).front().item<float>(), 6.0F);
  factor.fill_(5.0);
  EXPECT_EQ(doubled({torch::tensor(3.0)}).front().item<float>(), 15.0F) << "what it refers to may change";
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace dvar::device
