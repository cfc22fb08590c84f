/// Names the device whose results are compared with the CPU's, and says how far they may be apart.
#pragma once

#include <cstdlib>
#include <optional>
#include <string_view>

#include <gtest/gtest.h>
#include <torch/cuda.h>

#include "device/graph.hpp"
#include "device/set_up.hpp"
#include "models/placement.hpp"

namespace dvar::test {

/// Returns the first GPU, or the CPU where `DVAR_GPU_TESTS_ON=cpu` asks for a rehearsal; no value where there is none.
inline std::optional<at::Device> device_under_test() {
  const char* const asked = std::getenv("DVAR_GPU_TESTS_ON");
  if (asked != nullptr && std::string_view{asked} == "cpu") return at::kCPU;
  if (torch::cuda::is_available()) return at::Device{at::kCUDA, 0};
  return std::nullopt;
}

/// Skips a test where there is no GPU.
class gpu_test : public testing::Test {
 protected:
  void SetUp() override {
    const std::optional<at::Device> found = device_under_test();
    if (!found) GTEST_SKIP() << "no GPU, or a LibTorch without CUDA";
    device_ = *found;
    device::set_up(device_, device::float32_products::exact);
  }

  models::placement here(at::ScalarType type, bool graphs = false) const {
    return {.dtype = type,
            .device = device_,
            .execution = {.graphs = graphs && device::graph::records_on(device_)}};
  }

  at::Device device_{at::kCPU};
};

/// Names a form of numbers. Its results may be as far from float64's as the CPU's are in `coarser`, several times.
struct number_form {
  const char* name;
  at::ScalarType type;
  device::float32_products products;
  at::ScalarType coarser;
};

/// Lists the forms that a GPU computes in. tf32 has 11 bits, more than the 8 of bf16, which a CPU has too.
inline const std::vector<number_form>& number_forms() {
  using device::float32_products;
  static const std::vector<number_form> forms{{"fp32", at::kFloat, float32_products::exact, at::kFloat},
                                              {"tf32", at::kFloat, float32_products::tf32, at::kBFloat16},
                                              {"bf16", at::kBFloat16, float32_products::exact, at::kBFloat16},
                                              {"fp16", at::kHalf, float32_products::exact, at::kHalf}};
  return forms;
}

/// Returns |found - expected| / |expected|, Euclidean.
inline double relative_error(const at::Tensor& found, const at::Tensor& expected) {
  const at::Tensor wide = expected.to(at::kCPU, at::kDouble);
  return ((found.to(at::kCPU, at::kDouble) - wide).norm() / wide.norm()).item<double>();
}

}  // namespace dvar::test
