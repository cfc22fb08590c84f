// Measures attention at the sizes of Stable Diffusion 1.5's layers at 512 pixels, eight heads: by tiles, and by LibTorch.
#include <algorithm>
#include <vector>

#include <benchmark/benchmark.h>

#include "models/attention_kernel.hpp"
#include "models/tiled_attention.hpp"

namespace dvar {
namespace {

at::Tensor by_torch(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  return at::scaled_dot_product_attention(query, key, value);
}

using form = at::Tensor (*)(const at::Tensor&, const at::Tensor&, const at::Tensor&);

std::vector<at::Tensor> with_gradients(form attend, const std::vector<at::Tensor>& inputs,
                                       const at::Tensor& arrived) {
  const at::Tensor mixed = attend(inputs[0], inputs[1], inputs[2]);
  std::vector<at::Tensor> all = torch::autograd::grad({mixed}, inputs, {arrived});
  all.push_back(mixed.detach());
  return all;
}

/// Takes the number of positions and the width of a head.
void attention(benchmark::State& state, form attend, at::ScalarType type, bool backward) {
  const std::vector<std::int64_t> shape{1, 8, state.range(0), state.range(1)};
  at::manual_seed(1);
  std::vector<at::Tensor> inputs;
  for (int i = 0; i < 3; ++i)
    inputs.push_back(torch::randn(shape).to(type).set_requires_grad(backward));
  const at::Tensor arrived = torch::randn(shape).to(type);
  if (backward) {
    const auto found = with_gradients(attend, inputs, arrived);
    const auto expected = with_gradients(by_torch, inputs, arrived);
    const double tolerance = type == at::kFloat ? 1e-5 : 2e-2;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const double error = (found[i] - expected[i]).abs().max().item<double>();
      if (!(error <= tolerance * std::max(1.0, expected[i].abs().max().item<double>())))
        state.SkipWithError("the result or a gradient differs from LibTorch's");
    }
  }
  for (auto _ : state)
    if (backward)
      benchmark::DoNotOptimize(with_gradients(attend, inputs, arrived));
    else
      benchmark::DoNotOptimize(attend(inputs[0], inputs[1], inputs[2]));
}

void add(const char* name, form attend, at::ScalarType type, bool backward) {
  benchmark::RegisterBenchmark(name, attention, attend, type, backward)
      ->Args({4096, 40})
      ->Args({1024, 80})
      ->Unit(benchmark::kMillisecond);
}

[[maybe_unused]] const bool are_added = [] {
  add("attention/torch_forward", by_torch, at::kFloat, false);
  add("attention/torch_both", by_torch, at::kFloat, true);
  add("attention/torch_both_bf16", by_torch, at::kBFloat16, true);
  if (!models::has_attention_kernel()) return true;
  add("attention/tiles_forward", models::tiled_attention, at::kFloat, false);
  add("attention/tiles_both", models::tiled_attention, at::kFloat, true);
  add("attention/tiles_both_bf16", models::tiled_attention, at::kBFloat16, true);
  return true;
}();

}  // namespace
}  // namespace dvar
