#include "weights/autoencoder_file.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "error.hpp"
#include "weights/inferred_config.hpp"
#include "weights/original_names.hpp"

namespace dvar::weights {
namespace {

namespace fs = std::filesystem;

/// Returns the tensors of a file, by diffusers' names.
renamed_tensors tensors_of(const tensor_file& file) {
  constexpr const char* prefix = "first_stage_model.";
  const auto has = [&](const std::string& name) { return file.contains(name + "conv_in.weight"); };
  if (has(std::string{prefix} + "encoder.")) return autoencoder_tensors(file, prefix);
  if (!has("encoder.")) {
    throw input_error(
        fmt::format("--vae {}: expected an autoencoder, with a tensor encoder.conv_in.weight, found none",
                    file.path().string()));
  }
  const std::vector<std::string> names = file.names();
  const bool is_original =
      std::ranges::any_of(names, [](const std::string& name) { return name.starts_with("encoder.down."); });
  if (is_original) return autoencoder_tensors(file, "");
  renamed_tensors same;
  for (const std::string& name : names)
    same.emplace(name, stored_tensor{.name = name, .shape = file.info(name).shape});
  return same;
}

component_files open_file(const fs::path& path, double scaling_factor) {
  const tensor_file file{path};
  const renamed_tensors tensors = tensors_of(file);
  const fs::path beside = path.parent_path() / "config.json";
  config_reader config = fs::exists(beside)
                             ? config_reader{beside}
                             : inferred_autoencoder_config(tensors, scaling_factor, path.string());
  return {path, std::move(config), weight_map{file, tensors}};
}

}  // namespace

component_files open_other_autoencoder(const fs::path& path, double scaling_factor) {
  const bool is_model = fs::exists(path / "vae" / "config.json");
  component_files files = fs::is_regular_file(path) ? open_file(path, scaling_factor)
                                                    : open_component(is_model ? path / "vae" : path);
  if (files.config.get_or("scaling_factor", published_scaling_factor) != scaling_factor)
    files.config.refuse_value("scaling_factor",
                              fmt::format("{}, as the model's own autoencoder has it", scaling_factor));
  return files;
}

}  // namespace dvar::weights
