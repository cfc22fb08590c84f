#include "diffusion/custom_diffusion_file.hpp"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "error.hpp"
#include "weights/messages.hpp"
#include "weights/safetensors.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::diffusion {
namespace {

constexpr std::string_view processor = ".processor";

/// Splits a layer's name, `ATTENTION.to_k`, at its last point.
std::pair<std::string, std::string> split(const std::string& layer) {
  const auto point = layer.rfind('.');
  return {layer.substr(0, point), layer.substr(point + 1)};
}

/// Returns the name that diffusers' files have for the weight of a layer.
std::string name_of(const std::string& layer) {
  const auto [attention, projection] = split(layer);
  return fmt::format("{}{}.{}_custom_diffusion.weight", attention, processor, projection);
}

/// Returns the processors of all attentions of a UNet.
std::set<std::string> processors_of(const models::unet_2d_condition& unet) {
  std::set<std::string> processors;
  for (const models::added_products& each : unet.layers_to_add_to())
    if (each.layer.ends_with(".to_k")) processors.insert(split(each.layer).first.append(processor));
  return processors;
}

at::Tensor weight_of(const weights::tensor_file& file, const std::string& name, at::IntArrayRef shape) {
  const weights::tensor_info& info = file.info(name);
  if (!at::isFloatingType(info.dtype) || info.shape != shape) {
    throw input_error(
        fmt::format("{}: tensor {}: expected floating-point numbers of shape {} for this model, found {} {}",
                    file.path().string(), weights::in_quotes(name), weights::to_string(shape),
                    weights::to_string(info.dtype), weights::to_string(info.shape)));
  }
  weights::require_finite(file.tensor(name), file.path(), name);
  return file.tensor(name).to(at::kFloat, false, /*copy=*/true).contiguous();
}

}  // namespace

models::layer_weights read_custom_diffusion(const std::filesystem::path& file,
                                            const models::unet_2d_condition& unet) {
  const weights::tensor_file stored{file};
  std::map<std::string, std::string> layers;  // by the names of their weights
  for (const auto& [layer, weight] : unet.keys_and_values())
    layers[name_of(layer)] = layer;
  const auto refuse = [&](const std::string& name, std::string_view expected, std::string_view found) {
    throw input_error(fmt::format("{}: tensor {}: expected {}, found {}", file.string(),
                                  weights::in_quotes(name), expected, found));
  };
  constexpr std::string_view expected =
      "to_k_custom_diffusion or to_v_custom_diffusion of a cross-attention of this model's UNet";
  for (const std::string& name : stored.names()) {
    if (layers.contains(name) || stored.info(name).shape == std::vector<std::int64_t>{0}) continue;
    const auto has = [&](std::string_view part) { return name.find(part) != std::string::npos; };
    if (has("to_q_custom_diffusion") || has("to_out_custom_diffusion"))
      refuse(name, "keys and values alone", "weights of queries and outputs");
    if (has("lora")) refuse(name, expected, "a part of a LoRA, which --lora reads");
    refuse(name, expected, "something else");
  }
  models::layer_weights learned;
  for (const auto& [layer, weight] : unet.keys_and_values()) {
    const std::string name = name_of(layer);
    if (!stored.contains(name)) {
      throw input_error(fmt::format(
          "{}: expected weights for all cross-attentions of this model's UNet, found no tensor {}",
          file.string(), weights::in_quotes(name)));
    }
    learned[layer] = weight_of(stored, name, weight.sizes());
  }
  return learned;
}

void write_custom_diffusion(const std::filesystem::path& file, const models::layer_weights& learned,
                            const models::unet_2d_condition& unet,
                            const std::map<std::string, std::string>& metadata) {
  std::map<std::string, at::Tensor> tensors;
  for (const std::string& each : processors_of(unet))
    tensors[each] = torch::empty({0});
  for (const auto& [layer, weight] : learned) {
    const at::Tensor plain = weight.detach().to(at::kCPU, at::kFloat).contiguous();
    const std::string name = name_of(layer);
    weights::require_finite(plain, file, name);
    tensors[name] = plain;
    tensors.erase(split(layer).first.append(processor));
  }
  weights::write_safetensors(file, tensors, metadata);
}

}  // namespace dvar::diffusion
