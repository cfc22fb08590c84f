#pragma once

#include "../models/toy_models.hpp"
#include "models/vit.hpp"

namespace dvar::test {

/// Writes the directory of a small identity encoder with random weights.
inline void put_encoder(const std::filesystem::path& directory) {
  models::random_parameters parameters{3};
  models::vit{models::scope{parameters}, models::vit_options::from_config({vit_config(), "config"})};
  put_model(directory, vit_config(), parameters.drawn());
  put(directory / "preprocessor_config.json",
      R"({"size": 12, "resample": 3, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})");
}

}  // namespace dvar::test
