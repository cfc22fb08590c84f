#include "models/open_networks.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "error.hpp"
#include "models/file_parameters.hpp"
#include "weights/known_surplus.hpp"
#include "weights/messages.hpp"

namespace dvar::models {
namespace {

using weights::component_files;

/// Returns the network that `build` makes of the files' parameters.
template <class Build>
auto open_network(const component_files& files, const placement& placement, surplus_names* surplus,
                  Build build) {
  file_parameters parameters{files.weights, placement};
  auto network = build(parameters);
  if (surplus != nullptr) {
    for (const std::string& name : parameters.unused())
      if (!weights::is_known_surplus(name)) surplus->push_back(files.weights.stored_name(name));
  }
  return network;
}

clip_text open_clip_text(const component_files& files, const placement& placement, bool with_projection,
                         surplus_names* surplus) {
  return open_network(files, placement, surplus, [&](auto& parameters) {
    auto options = clip_text_options::from_config(files.config, with_projection);
    options.encoder.execution = placement.execution;
    return clip_text{scope{parameters}, options};
  });
}

}  // namespace

clip_text open_clip_text(const component_files& files, const placement& placement, surplus_names* surplus) {
  return open_clip_text(files, placement, files.weights.contains("text_projection.weight"), surplus);
}

clip_text open_projecting_clip_text(const component_files& files, const placement& placement,
                                    surplus_names* surplus) {
  return open_clip_text(files, placement, /*with_projection=*/true, surplus);
}

clip_vision open_clip_vision(const component_files& files, const placement& placement,
                             surplus_names* surplus) {
  return open_network(files, placement, surplus, [&](auto& parameters) {
    auto options = clip_vision_options::from_config(files.config);
    options.encoder.execution = placement.execution;
    return clip_vision{scope{parameters}, options};
  });
}

ldm_bert open_ldm_bert(const component_files& files, const placement& placement, surplus_names* surplus) {
  return open_network(files, placement, surplus, [&](auto& parameters) {
    auto options = ldm_bert_options::from_config(files.config);
    options.execution = placement.execution;
    return ldm_bert{scope{parameters}, options};
  });
}

vit open_vit(const component_files& files, const placement& placement) {
  surplus_names surplus;
  vit network = open_network(files, placement, &surplus, [&](auto& parameters) {
    auto options = vit_options::from_config(files.config);
    options.execution = placement.execution;
    // A model with a head keeps the network under a name of its own.
    const scope all{parameters};
    return vit{parameters.offers("vit.embeddings.cls_token") ? all / "vit" : all, options};
  });
  std::erase_if(surplus, [](const std::string& name) {
    constexpr std::array<std::string_view, 4> companions{"pooler.", "vit.pooler.", "classifier.", "decoder."};
    return name.ends_with("embeddings.mask_token") ||
           std::ranges::any_of(companions, [&](std::string_view part) { return name.starts_with(part); });
  });
  if (!surplus.empty()) {
    throw input_error(fmt::format("{}: expected the tensors of a ViTModel, found also {}",
                                  files.weights.path().string(), weights::in_quotes(surplus.front())));
  }
  return network;
}

unet_2d_condition open_unet(const component_files& files, const placement& placement,
                            surplus_names* surplus) {
  return open_network(files, placement, surplus, [&](auto& parameters) {
    auto options = unet_options::from_config(files.config);
    options.execution = placement.execution;
    return unet_2d_condition{scope{parameters}, options};
  });
}

autoencoder_kl open_autoencoder(const component_files& files, const placement& placement,
                                surplus_names* surplus) {
  return open_network(files, placement, surplus, [&](auto& parameters) {
    auto options = autoencoder_options::from_config(files.config);
    options.attention = placement.execution.attention;
    return autoencoder_kl{scope{parameters}, options};
  });
}

}  // namespace dvar::models
