#include "cli/compute_options.hpp"

#include <charconv>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <torch/cuda.h>

#include "models/attention.hpp"
#include "name_table.hpp"

namespace dvar::cli {
namespace {

using models::attention_form;

constexpr name_table<at::ScalarType, 3> precisions{
    {{{"fp32", at::kFloat}, {"bf16", at::kBFloat16}, {"fp16", at::kHalf}}}};
constexpr name_table<attention_form, 4> attention_forms{{{{"auto", attention_form::automatic},
                                                          {"sdpa", attention_form::fused},
                                                          {"sliced", attention_form::sliced},
                                                          {"plain", attention_form::plain}}}};

int gpus() {
  return torch::cuda::is_available() ? static_cast<int>(torch::cuda::device_count()) : 0;
}

at::Device gpu(const std::string& name, int index) {
  if (const int count = gpus(); index >= count) {
    throw input_error(fmt::format(
        "--device {}: {}", name,
        count > 0
            ? fmt::format("expected cuda:0 to cuda:{}, of the GPUs that LibTorch finds", count - 1)
            : "LibTorch " TORCH_VERSION
              " finds no GPU: either there is none, or it is a build without CUDA; --device cpu works"));
  }
  return {at::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

/// One of each kind of operation that the networks are made of.
void try_out(const models::placement& where) {
  const at::Tensor image = where.images(torch::ones({1, 2, 4, 4}));
  const at::Tensor weight = where.parameter(torch::ones({2, 2, 3, 3}));
  const at::Tensor norm = where.parameter(torch::ones({2}));
  const at::Tensor pixels =
      at::silu(at::group_norm(at::conv2d(image, weight, norm, /*stride=*/1, /*padding=*/1), 1, norm, norm))
          .flatten(2)
          .transpose(1, 2);
  models::multi_head_attention(at::layer_norm(pixels, {2}, norm, norm), pixels, pixels, /*heads=*/1,
                               /*causal=*/true, where.execution.attention)
      .sum()
      .item();
}

}  // namespace

void add_compute_options(CLI::App& command, compute_options& options, bool trains) {
  const auto add = [&](const char* name, std::string& value, const std::string& meaning) {
    command.add_option(name, value, meaning)->group("Computing")->capture_default_str();
  };
  add("--device", options.device, "cpu, cuda, cuda:N, or auto: the first GPU if there is one");
  add("--precision", options.precision,
      trains ? "Of the frozen networks: " + precisions.list() + "; what is learned stays fp32"
             : "Of the networks: " + precisions.list());
  add("--attention", options.attention,
      attention_forms.list() +
          ": LibTorch's fused form (sdpa; auto where there is one), sliced, or the whole matrix of scores");
  if (trains) {
    command
        .add_flag("--gradient-checkpointing", options.gradient_checkpointing,
                  "Compute blocks again for the gradient instead of keeping them: less memory, more time")
        ->group("Computing");
  }
}

at::Device device_of(const compute_options& options) {
  const std::string& name = options.device;
  const int own = gpus() > 0 ? static_cast<int>(options.local_rank % gpus()) : 0;
  if (name == "auto") return gpus() > 0 ? gpu("cuda", own) : at::Device{at::kCPU};
  if (name == "cpu") return at::kCPU;
  if (name == "cuda") return gpu(name, own);
  constexpr std::string_view numbered = "cuda:";
  if (name.starts_with(numbered)) {
    const char* const begin = name.data() + numbered.size();
    const char* const end = name.data() + name.size();
    unsigned char index = 0;
    if (const auto read = std::from_chars(begin, end, index); read.ec == std::errc{} && read.ptr == end)
      return gpu(name, index);
  }
  throw input_error(fmt::format("--device: expected auto, cpu, cuda or cuda:N, found '{}'", name));
}

models::placement placement_of(const compute_options& options) {
  const models::placement where{
      .dtype = precisions.value_of(options.precision, "--precision"),
      .device = device_of(options),
      .execution = {.attention = attention_forms.value_of(options.attention, "--attention"),
                    .gradient_checkpointing = options.gradient_checkpointing}};
  if (where.execution.attention == attention_form::fused && !models::has_fused_attention())
    throw input_error("--attention sdpa: LibTorch " TORCH_VERSION " has none; --attention sliced works");
  try {
    try_out(where);
  } catch (const c10::Error& error) {
    throw input_error(fmt::format("--precision {}: LibTorch " TORCH_VERSION
                                  " does not compute it on the device '{}': {}",
                                  options.precision, where.device.str(), error.what_without_backtrace()));
  }
  return where;
}

}  // namespace dvar::cli
