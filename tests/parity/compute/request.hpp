/// What the functions of parity_compute are given, and how they make themselves known.
#pragma once

#include "diffusion/noise_schedule.hpp"
#include "models/open_networks.hpp"
#include "models/text_encoder.hpp"
#include "weights/safetensors.hpp"

namespace dvar::parity {

namespace fs = std::filesystem;
using tensors = std::map<std::string, at::Tensor>;

/// A model, named inputs, and the precision to compute in.
class request {
 public:
  request(fs::path model, const fs::path& inputs, at::ScalarType dtype)
      : model_{std::move(model)}, inputs_{inputs}, where_{.dtype = dtype} {}

  const fs::path& model() const { return model_; }
  const models::placement& where() const { return where_; }
  bool has(std::string_view name) const { return inputs_.contains(name); }

  /// Floating-point inputs come in the precision asked for.
  at::Tensor tensor(std::string_view name) const;
  double number(std::string_view name) const { return inputs_.tensor(name).item<double>(); }

 private:
  fs::path model_;
  weights::safetensors_file inputs_;
  models::placement where_;
};

using function = tensors (*)(const request&);

/// All functions by name.
std::map<std::string, function, std::less<>>& functions();

/// `const entry unet_entry{"unet", unet};` at namespace scope makes a function known.
struct entry {
  entry(const char* name, function called) { functions().emplace(name, called); }
};

/// The files of a network, for `models::open_…`.
inline weights::component_files files_of(const fs::path& directory) {
  return weights::open_component(directory);
}

/// The text encoder of a model directory: `bert` if it is there, else `text_encoder`.
models::text_encoder open_text_encoder(const fs::path& model, const models::placement& where);

weights::config_reader scheduler_config(const fs::path& directory);
diffusion::noise_schedule open_schedule(const fs::path& directory);

/// As float64 comparisons need them: see `take_sinusoids` of peers.py.
at::Tensor sinusoids(const models::unet_2d_condition& network, const at::Tensor& timesteps);

}  // namespace dvar::parity
