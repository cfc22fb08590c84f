#include "diffusion/lora_file.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "error.hpp"
#include "weights/messages.hpp"
#include "weights/safetensors.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::diffusion {
namespace {

using models::added_products;

/// Returns a layer's name as kohya's files have it: no points.
std::string underscored(std::string name) {
  std::ranges::replace(name, '.', '_');
  return name;
}

/// Names the endings of a product's tensors in one of the layouts.
struct endings {
  std::string_view down;
  std::string_view up;
};

constexpr std::array<endings, 3> known_endings{{{".lora_A.weight", ".lora_B.weight"},
                                                {".lora.down.weight", ".lora.up.weight"},
                                                {".lora_down.weight", ".lora_up.weight"}}};
constexpr std::string_view alpha_ending = ".alpha";

/// Holds what the tensors of a layer are called in a file.
struct found_tensors {
  std::string down;
  std::string up;
  std::string alpha;
};

/// Puts the tensor's name where its ending says; returns the rest of the name, the layer's, or an empty one.
std::string place_by_ending(const std::string& name, found_tensors& tensors) {
  const auto place = [&](std::string_view ending, std::string& at) -> std::string {
    if (!name.ends_with(ending)) return {};
    at = name;
    return name.substr(0, name.size() - ending.size());
  };
  for (const auto& [down, up] : known_endings) {
    if (std::string layer = place(down, tensors.down); !layer.empty()) return layer;
    if (std::string layer = place(up, tensors.up); !layer.empty()) return layer;
  }
  return place(alpha_ending, tensors.alpha);
}

/// Returns the alpha of all layers that an adapter's configuration in the metadata says, if there is one. Throws
/// `dvar::input_error` when it is of a kind that is more than a product.
std::optional<double> alpha_in_metadata(const weights::tensor_file& file) {
  const auto found = file.metadata().find("lora_adapter_metadata");
  if (found == file.metadata().end()) return std::nullopt;
  const auto refuse = [&](const std::string& why) -> input_error {
    return input_error(fmt::format("{}: lora_adapter_metadata: {}", file.path().string(), why));
  };
  nlohmann::json config;
  try {
    config = nlohmann::json::parse(found->second);
  } catch (const nlohmann::json::exception&) {
    throw refuse("expected JSON");
  }
  if (!config.is_object()) throw refuse("expected a JSON object");
  for (const char* key : {"unet.use_dora", "unet.use_rslora", "unet.lora_bias"})
    if (config.value(key, nlohmann::json{false}) == true)
      throw refuse(fmt::format("expected plain low-rank products, found {}", key));
  for (const char* key : {"unet.alpha_pattern", "unet.rank_pattern"})
    if (const nlohmann::json pattern = config.value(key, nlohmann::json::object()); !pattern.empty())
      throw refuse(fmt::format("expected one alpha for all layers, found {}", key));
  const nlohmann::json alpha = config.value("unet.lora_alpha", nlohmann::json{});
  if (alpha.is_null()) return std::nullopt;
  if (!alpha.is_number()) throw refuse("unet.lora_alpha: expected a number");
  return alpha.get<double>();
}

/// Reads the tensor of a factor as a matrix [rows, columns]; 0 stands for any number.
at::Tensor matrix(const weights::tensor_file& file, const std::string& name, std::int64_t rows,
                  std::int64_t columns) {
  const weights::tensor_info& info = file.info(name);
  std::vector<std::int64_t> shape = info.shape;
  // A 1x1 convolution is a matrix.
  while (shape.size() > 2 && shape.back() == 1)
    shape.pop_back();
  const auto fits = [](std::int64_t found, std::int64_t wanted) {
    return found > 0 && (wanted == 0 || found == wanted);
  };
  if (!at::isFloatingType(info.dtype) || shape.size() != 2 || !fits(shape[0], rows) ||
      !fits(shape[1], columns)) {
    const auto said = [](std::int64_t size) {
      return size == 0 ? std::string{"rank"} : std::to_string(size);
    };
    throw input_error(fmt::format(
        "{}: tensor {}: expected floating-point numbers of shape [{}, {}] for this model, found {} {}",
        file.path().string(), weights::in_quotes(name), said(rows), said(columns),
        weights::to_string(info.dtype), weights::to_string(info.shape)));
  }
  weights::require_finite(file.tensor(name), file.path(), name);
  return file.tensor(name).to(at::kFloat, false, /*copy=*/true).contiguous().view(shape);
}

double number(const weights::tensor_file& file, const std::string& name) {
  const weights::tensor_info& info = file.info(name);
  const at::Tensor stored = file.tensor(name);
  const double value =
      stored.numel() == 1 && !stored.is_complex() ? stored.to(at::kDouble).item<double>() : NAN;
  if (!std::isfinite(value)) {
    throw input_error(fmt::format("{}: tensor {}: expected a number, found {} {}", file.path().string(),
                                  weights::in_quotes(name), weights::to_string(info.dtype),
                                  weights::to_string(info.shape)));
  }
  return value;
}

/// Returns the layers of a UNet by the names that files have for them, in both layouts.
std::map<std::string, added_products> layers_by_name(const models::unet_2d_condition& unet) {
  std::map<std::string, added_products> layers;
  for (const added_products& layer : unet.layers_to_add_to()) {
    layers["unet." + layer.layer] = layer;
    layers["lora_unet_" + underscored(layer.layer)] = layer;
  }
  return layers;
}

models::low_rank product_of(const weights::tensor_file& file, const found_tensors& tensors,
                            const added_products& layer, const std::optional<double>& alpha) {
  if (tensors.down.empty() || tensors.up.empty()) {
    throw input_error(fmt::format("{}: expected two factors for the layer {}, found {} alone",
                                  file.path().string(), layer.layer,
                                  weights::in_quotes(!tensors.down.empty() ? tensors.down
                                                     : !tensors.up.empty() ? tensors.up
                                                                           : tensors.alpha)));
  }
  const at::Tensor down = matrix(file, tensors.down, 0, layer.in);
  const at::Tensor up = matrix(file, tensors.up, layer.out, down.size(0));
  const auto rank = static_cast<double>(down.size(0));
  const double own = tensors.alpha.empty() ? alpha.value_or(rank) : number(file, tensors.alpha);
  return {.down = down, .up = up, .scale = own / rank};
}

}  // namespace

models::low_rank_products read_lora(const std::filesystem::path& file,
                                    const models::unet_2d_condition& unet) {
  const weights::tensor_file stored{file};
  const std::map<std::string, added_products> layers = layers_by_name(unet);
  std::map<std::string, found_tensors> found;  // by the layers' names in the UNet
  for (const std::string& name : stored.names()) {
    found_tensors tensors;
    const auto layer = layers.find(place_by_ending(name, tensors));
    if (layer == layers.end()) {
      if (name.starts_with("text_encoder") || name.starts_with("lora_te")) {
        throw input_error(
            fmt::format("{}: tensor {}: expected factors for the UNet alone, found one for a text encoder",
                        file.string(), weights::in_quotes(name)));
      }
      if (name.find("custom_diffusion") != std::string::npos || name.ends_with(".processor")) {
        throw input_error(fmt::format(
            "{}: tensor {}: expected a factor of a LoRA, found a weight of Custom Diffusion, which --custom-diffusion reads",
            file.string(), weights::in_quotes(name)));
      }
      throw input_error(fmt::format(
          "{}: tensor {}: expected a factor (lora_A, lora_B, lora_down, lora_up) of a linear layer of this model's UNet",
          file.string(), weights::in_quotes(name)));
    }
    found_tensors& all = found[layer->second.layer];
    for (const auto member : {&found_tensors::down, &found_tensors::up, &found_tensors::alpha}) {
      if ((tensors.*member).empty()) continue;
      if (!(all.*member).empty()) {
        throw input_error(fmt::format("{}: expected one product for each layer, found tensors {} and {}",
                                      file.string(), weights::in_quotes(all.*member),
                                      weights::in_quotes(tensors.*member)));
      }
      all.*member = tensors.*member;
    }
  }
  if (found.empty())
    throw input_error(file.string() + ": expected factors of low-rank products, found no tensor");
  const std::optional<double> alpha = alpha_in_metadata(stored);
  models::low_rank_products products;
  for (const added_products& layer : unet.layers_to_add_to())
    if (const auto tensors = found.find(layer.layer); tensors != found.end())
      products[layer.layer] = {product_of(stored, tensors->second, layer, alpha)};
  return products;
}

void write_lora(const std::filesystem::path& file, lora_layout layout,
                const models::low_rank_products& products, const models::unet_2d_condition& unet,
                const std::map<std::string, std::string>& metadata) {
  std::map<std::string, at::Tensor> tensors;
  const auto put = [&](const std::string& name, const at::Tensor& factor, bool convolution) {
    const at::Tensor plain = factor.detach().to(at::kCPU, at::kFloat).contiguous();
    weights::require_finite(plain, file, name);
    tensors[name] = convolution ? plain.unsqueeze(-1).unsqueeze(-1) : plain;
  };
  for (const added_products& layer : unet.layers_to_add_to()) {
    const auto found = products.find(layer.layer);
    if (found == products.end()) continue;
    for (const models::low_rank& product : found->second) {
      if (layout == lora_layout::diffusers) {
        put("unet." + layer.layer + ".lora_A.weight", product.down, layer.convolution);
        put("unet." + layer.layer + ".lora_B.weight", product.up * product.scale, layer.convolution);
        continue;
      }
      const std::string name = "lora_unet_" + underscored(layer.layer);
      put(name + ".lora_down.weight", product.down, layer.convolution);
      put(name + ".lora_up.weight", product.up, layer.convolution);
      put(name + ".alpha", torch::tensor(product.scale * static_cast<double>(product.rank())), false);
    }
  }
  weights::write_safetensors(file, tensors, metadata);
}

}  // namespace dvar::diffusion
