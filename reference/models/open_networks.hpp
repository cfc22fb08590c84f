/// \file
/// Opens networks from the files of a model's component. Each function reads configuration and parameters,
/// places the network and has it run as `placement` says, and adds to `surplus`, if one is given, the tensors
/// that the network did not ask for and that are not known to be of no use (`weights::is_known_surplus`), by
/// their names in the file.
///
/// Throws `dvar::input_error` when something is missing or wrong, and names file, and key or tensor.
#pragma once

#include "models/autoencoder_kl.hpp"
#include "models/clip.hpp"
#include "models/ldm_bert.hpp"
#include "models/unet_2d_condition.hpp"
#include "models/vit.hpp"
#include "weights/model_directory.hpp"

namespace dvar::models {

using surplus_names = std::vector<std::string>;

/// Opens a text tower, with a projection placement the file has one.
clip_text open_clip_text(const weights::component_files& files, const placement& placement,
                         surplus_names* surplus = nullptr);

/// Opens a text tower with a projection, which the file must have.
clip_text open_projecting_clip_text(const weights::component_files& files, const placement& placement,
                                    surplus_names* surplus = nullptr);

clip_vision open_clip_vision(const weights::component_files& files, const placement& placement,
                             surplus_names* surplus = nullptr);

ldm_bert open_ldm_bert(const weights::component_files& files, const placement& placement,
                       surplus_names* surplus = nullptr);

/// Opens a ViTModel, or the part `vit` of a model with a head for a task. The tensors of a pooler or of such
/// a head may be there; any others are refused, since a network that goes by the same names with more in it
/// gives other features.
vit open_vit(const weights::component_files& files, const placement& placement);

unet_2d_condition open_unet(const weights::component_files& files, const placement& placement,
                            surplus_names* surplus = nullptr);

autoencoder_kl open_autoencoder(const weights::component_files& files, const placement& placement,
                                surplus_names* surplus = nullptr);

}  // namespace dvar::models
