#include "diffusion/lora_file.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "error.hpp"
#include "models/text_encoder.hpp"
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

constexpr std::array<endings, 4> known_endings{
    {{".lora_A.weight", ".lora_B.weight"},
     {".lora.down.weight", ".lora.up.weight"},
     {".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"},
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

/// Holds what a layer is called in the layouts.
struct layer_names {
  std::string component;  ///< what of the model it belongs to: `unet`, `text_encoder`, `text_encoder_2`
  std::string diffusers;
  std::string kohya;
};

constexpr std::string_view text = models::text_encoder::name;
constexpr std::array<std::string_view, 3> components{"unet", text, "text_encoder_2"};

/// Returns the names of one of these layers. With two text encoders kohya's layout counts them.
layer_names names_of(const added_products& layer, const std::vector<added_products>& layers) {
  if (!layer.layer.starts_with(text)) {
    return {.component = "unet",
            .diffusers = "unet." + layer.layer,
            .kohya = "lora_unet_" + underscored(layer.layer)};
  }
  const auto is_of_second = [](const added_products& each) {
    return each.layer.starts_with(components.back());
  };
  const std::size_t point = layer.layer.find('.');
  const char* const kohya = !std::ranges::any_of(layers, is_of_second) ? "lora_te_"
                            : is_of_second(layer)                      ? "lora_te2_"
                                                                       : "lora_te1_";
  return {.component = layer.layer.substr(0, point),
          .diffusers = layer.layer,
          .kohya = kohya + underscored(layer.layer.substr(point + 1))};
}

/// Returns the alphas that an adapter's configuration in the metadata says, by component. Throws `dvar::input_error` when it is of a
/// kind that is more than a product.
std::map<std::string, double> alphas_in_metadata(const weights::tensor_file& file) {
  const auto found = file.metadata().find("lora_adapter_metadata");
  if (found == file.metadata().end()) return {};
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
  std::map<std::string, double> alphas;
  for (const std::string_view component : components) {
    const auto value_of = [&](const char* key, const nlohmann::json& otherwise) {
      return config.value(fmt::format("{}.{}", component, key), otherwise);
    };
    for (const char* key : {"use_dora", "use_rslora", "lora_bias"})
      if (value_of(key, false) == true)
        throw refuse(fmt::format("expected plain low-rank products, found {}.{}", component, key));
    if (!value_of("alpha_pattern", nlohmann::json::object()).empty())
      throw refuse(fmt::format("expected one alpha for all layers, found {}.alpha_pattern", component));
    const nlohmann::json alpha = value_of("lora_alpha", nullptr);
    if (alpha.is_null()) continue;
    if (!alpha.is_number()) throw refuse(fmt::format("{}.lora_alpha: expected a number", component));
    alphas.emplace(component, alpha.get<double>());
  }
  return alphas;
}

/// Reads the tensor of a factor, which has these sizes; 0 stands for any number.
at::Tensor factor(const weights::tensor_file& file, const std::string& name,
                  const std::vector<std::int64_t>& sizes) {
  const weights::tensor_info& info = file.info(name);
  std::vector<std::int64_t> shape = info.shape;
  // A 1x1 convolution is a matrix.
  while (shape.size() > sizes.size() && shape.back() == 1)
    shape.pop_back();
  const auto fits = [](std::int64_t found, std::int64_t wanted) {
    return found > 0 && (wanted == 0 || found == wanted);
  };
  if (!at::isFloatingType(info.dtype) || !std::ranges::equal(shape, sizes, fits)) {
    std::vector<std::string> wanted;
    for (const std::int64_t size : sizes)
      wanted.push_back(size == 0 ? "rank" : std::to_string(size));
    throw input_error(fmt::format(
        "{}: tensor {}: expected floating-point numbers of shape [{}] for this model, found {} {}",
        file.path().string(), weights::in_quotes(name), fmt::join(wanted, ", "),
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

/// Returns the layers by the names that files have for them, in both layouts.
std::map<std::string, added_products> layers_by_name(const std::vector<added_products>& layers) {
  std::map<std::string, added_products> by_name;
  for (const added_products& layer : layers) {
    const layer_names names = names_of(layer, layers);
    by_name[names.diffusers] = layer;
    by_name[names.kohya] = layer;
    // As diffusers writes it beside transformers 5.
    constexpr std::string_view tower = ".text_model";
    if (const auto place = names.diffusers.find(tower); place != std::string::npos)
      by_name[names.diffusers.substr(0, place) + names.diffusers.substr(place + tower.size())] = layer;
  }
  return by_name;
}

/// Throws `dvar::input_error`, which says what a tensor that is no factor of one of the layers may be.
[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& name,
                         const std::vector<added_products>& layers) {
  const auto refused = [&](std::string_view why) {
    return input_error(fmt::format("{}: tensor {}: {}", file.string(), weights::in_quotes(name), why));
  };
  const auto is_of_text = [](const added_products& layer) { return layer.layer.starts_with(text); };
  if (std::ranges::none_of(layers, is_of_text) && (name.starts_with(text) || name.starts_with("lora_te")))
    throw refused("expected factors for the UNet alone, found one for a text encoder");
  if (name.find("custom_diffusion") != std::string::npos || name.ends_with(".processor")) {
    throw refused(
        "expected a factor of a LoRA, found a weight of Custom Diffusion, which --custom-diffusion reads");
  }
  throw refused(
      "expected a factor (lora_A, lora_B, lora_down, lora_up) of a linear layer or convolution of this model that takes one");
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
  std::vector<std::int64_t> sizes{0, layer.in};
  if (layer.kernel > 1) sizes.insert(sizes.end(), {layer.kernel, layer.kernel});
  const at::Tensor down = factor(file, tensors.down, sizes);
  const at::Tensor up = factor(file, tensors.up, {layer.out, down.size(0)});
  const auto rank = static_cast<double>(down.size(0));
  const double own = tensors.alpha.empty() ? alpha.value_or(rank) : number(file, tensors.alpha);
  return {.down = down, .up = up, .scale = own / rank};
}

}  // namespace

models::low_rank_products read_lora(const std::filesystem::path& file,
                                    const std::vector<added_products>& layers) {
  const weights::tensor_file stored{file};
  const std::map<std::string, added_products> by_name = layers_by_name(layers);
  std::map<std::string, found_tensors> found;  // by the layers' names in the model
  for (const std::string& name : stored.names()) {
    found_tensors tensors;
    const auto layer = by_name.find(place_by_ending(name, tensors));
    if (layer == by_name.end()) refuse(file, name, layers);
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
  const std::map<std::string, double> alphas = alphas_in_metadata(stored);
  models::low_rank_products products;
  for (const added_products& layer : layers) {
    const auto tensors = found.find(layer.layer);
    if (tensors == found.end()) continue;
    const auto alpha = alphas.find(names_of(layer, layers).component);
    products[layer.layer] = {product_of(stored, tensors->second, layer,
                                        alpha == alphas.end() ? std::nullopt : std::optional{alpha->second})};
  }
  return products;
}

void write_lora(const std::filesystem::path& file, lora_layout layout,
                const models::low_rank_products& products, const std::vector<added_products>& layers,
                const std::map<std::string, std::string>& metadata) {
  std::map<std::string, at::Tensor> tensors;
  const auto put = [&](const std::string& name, const at::Tensor& factor, bool convolution) {
    const at::Tensor plain = factor.detach().to(at::kCPU, at::kFloat).contiguous();
    weights::require_finite(plain, file, name);
    tensors[name] = convolution && plain.dim() == 2 ? plain.unsqueeze(-1).unsqueeze(-1) : plain;
  };
  for (const added_products& layer : layers) {
    const auto found = products.find(layer.layer);
    if (found == products.end()) continue;
    const layer_names names = names_of(layer, layers);
    for (const models::low_rank& product : found->second) {
      if (layout == lora_layout::diffusers) {
        put(names.diffusers + ".lora_A.weight", product.down, layer.convolution);
        put(names.diffusers + ".lora_B.weight", product.up * product.scale, layer.convolution);
        continue;
      }
      put(names.kohya + ".lora_down.weight", product.down, layer.convolution);
      put(names.kohya + ".lora_up.weight", product.up, layer.convolution);
      put(names.kohya + ".alpha", torch::tensor(product.scale * static_cast<double>(product.rank())), false);
    }
  }
  weights::write_safetensors(file, tensors, metadata);
}

}  // namespace dvar::diffusion
