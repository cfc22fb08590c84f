#include "cli/compute_options.hpp"

#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <torch/cuda.h>

#include "device/fast_types.hpp"
#include "device/graph.hpp"
#include "device/set_up.hpp"
#include "error.hpp"
#include "models/attention.hpp"
#include "name_table.hpp"

namespace dvar::cli {
namespace {

using models::attention_form;
using models::weight_place;

struct precision {
  std::optional<at::ScalarType> type;  ///< is what suits the device where it has no value
  device::float32_products products = device::float32_products::exact;
};

constexpr name_table<precision, 5> precisions{{{{"auto", {std::nullopt}},
                                                {"fp32", {at::kFloat}},
                                                {"tf32", {at::kFloat, device::float32_products::tf32}},
                                                {"bf16", {at::kBFloat16}},
                                                {"fp16", {at::kHalf}}}}};
constexpr name_table<weight_place, 4> weight_places{{{{"auto", weight_place::automatic},
                                                      {"memory", weight_place::memory},
                                                      {"file", weight_place::file},
                                                      {"stream", weight_place::streamed}}}};
constexpr name_table<attention_form, 4> attention_forms{{{{"auto", attention_form::fused},
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

/// Returns the name of the precision, of the one that `auto` leads to.
std::string_view precision_of(const compute_options& options) {
  if (precisions.value_of(options.precision, "--precision").type) return options.precision;
  return device::shortest_fast_type(device_of(options)) == at::kBFloat16 ? "bf16" : "fp32";
}

/// Runs one of each kind of operation that the networks are made of.
void try_out(const models::placement& placement) {
  const at::Tensor image = placement.images(torch::ones({1, 2, 4, 4}));
  const at::Tensor weight = placement.parameter(torch::ones({2, 2, 3, 3}));
  const at::Tensor norm = placement.parameter(torch::ones({2}));
  const at::Tensor pixels =
      at::silu(at::group_norm(at::conv2d(image, weight, norm, /*stride=*/1, /*padding=*/1), 1, norm, norm))
          .flatten(2)
          .transpose(1, 2);
  models::multi_head_attention(at::layer_norm(pixels, {2}, norm, norm), pixels, pixels, /*heads=*/1,
                               /*causal=*/true, placement.execution.attention)
      .sum()
      .item();
}

}  // namespace

option_rows compute_rows(compute_options& options, bool trains) {
  option_rows rows{
      {.name = "device",
       .value = &options.device,
       .help = "cpu, cuda, cuda:N, or auto: the first GPU if there is one",
       .decides = never,  // where it leads does
       .offers = {"auto", "cpu", "cuda"}},
      {.name = "precision",
       .value = &options.precision,
       .help =
           trains ? "Numbers of the frozen networks (what is learned stays fp32)" : "Numbers of the networks",
       .accepts =
           one_of(precisions, {"bf16 on a GPU and on a processor that has instructions for it, else fp32", "",
                               "fp32 whose products a GPU rounds to 11 bits, several times as fast", "", ""}),
       .recorded_as = [&options] { return std::string{precision_of(options)}; }},
      {.name = "attention",
       .value = &options.attention,
       .help = "How attention is computed",
       .accepts = one_of(attention_forms, {"sdpa where LibTorch has it", "LibTorch's fused form", "",
                                           "the whole matrix of scores"})},
      {.name = "weights",
       .value = &options.weights,
       .help =
           "Where the processor finds frozen weights that the file has in the networks' precision, or a shorter one",
       .accepts = one_of(weight_places, {"in the file from 64 MB up", "copied and converted once",
                                         "as they are in the mapped file, converted layer by layer",
                                         "likewise, and out of memory after every use"}),
       .decides = never},
      {.name = "graphs",
       .value = &options.graphs,
       .help = "Whether a GPU gets what a run repeats as one CUDA graph",
       .accepts = choices{{"auto", "on a GPU"}, {"off", "every operation by itself"}},
       .decides = never},
  };
  if (trains) {
    rows.push_back(
        {.name = "gradient-checkpointing",
         .value = &options.gradient_checkpointing,
         .help = "Compute blocks again for the gradient instead of keeping them: less memory, more time",
         .decides = never});
  }
  return rows;
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
  const precision chosen = precisions.value_of(precision_of(options), "--precision");
  const at::Device device = device_of(options);
  if (chosen.products == device::float32_products::tf32 && !device.is_cuda()) {
    throw input_error(fmt::format("--precision tf32: expected a GPU, found the device '{}'; fp32 works there",
                                  device.str()));
  }
  const weight_place place = weight_places.value_of(options.weights, "--weights");
  if (!device.is_cpu() && (place == weight_place::file || place == weight_place::streamed)) {
    throw input_error(fmt::format(
        "--weights {}: expected the processor, found the device '{}', which has them in its memory",
        options.weights, device.str()));
  }
  device::set_up(device, chosen.products);
  const models::placement placement{
      .dtype = chosen.type.value(),
      .device = device,
      .execution = {.attention = attention_forms.value_of(options.attention, "--attention"),
                    .gradient_checkpointing = options.gradient_checkpointing,
                    .graphs = options.graphs == "auto" && device::graph::records_on(device)},
      .weights = place};
  try {
    try_out(placement);
  } catch (const c10::Error& error) {
    throw input_error(fmt::format("--precision {}: LibTorch " TORCH_VERSION
                                  " does not compute it on the device '{}': {}",
                                  options.precision, placement.device.str(), error.what_without_backtrace()));
  }
  return placement;
}

}  // namespace dvar::cli
