#pragma once

#include "weights/model_directory.hpp"

namespace dvar::weights {

/// Opens an autoencoder that takes the place of a model's own: a directory of it, or one that has it as `vae/`; or a file of its
/// tensors alone, by the names of diffusers or of its authors, those of a whole checkpoint among them. A file that has no
/// configuration beside it has the sizes that its shapes stand for. Latents are those of the same model, so that their scale has to
/// be `scaling_factor`. Throws `dvar::input_error` when a file is missing or wrong, or its scaling factor another.
[[nodiscard]] component_files open_other_autoencoder(const std::filesystem::path& path,
                                                     double scaling_factor);

}  // namespace dvar::weights
