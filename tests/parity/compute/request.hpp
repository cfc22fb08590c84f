/// Says what the functions of parity_compute are given, and how they make themselves known.
#pragma once

#include "diffusion/noise_schedule.hpp"
#include "models/open_networks.hpp"
#include "models/text_encoder.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::parity {

namespace fs = std::filesystem;
using tensors = std::map<std::string, at::Tensor>;

/// Holds a model, named inputs, and the precision to compute in.
class request {
 public:
  request(fs::path model, const fs::path& inputs, at::ScalarType dtype)
      : model_{std::move(model)}, inputs_{inputs}, placement_{.dtype = dtype} {}

  const fs::path& model() const { return model_; }
  const models::placement& placement() const { return placement_; }
  bool has(std::string_view name) const { return inputs_.contains(name); }

  /// Returns an input; those of floating point come in the precision asked for.
  at::Tensor tensor(std::string_view name) const;
  double number(std::string_view name) const { return inputs_.tensor(name).item<double>(); }

 private:
  fs::path model_;
  weights::tensor_file inputs_;
  models::placement placement_;
};

using function = tensors (*)(const request&);

/// Returns all functions by name.
std::map<std::string, function, std::less<>>& functions();

/// Makes a function known, as `const entry unet_entry{"unet", unet};` at namespace scope.
struct entry {
  entry(const char* name, function called) { functions().emplace(name, called); }
};

/// Returns the files of a network, for `models::open_…`.
inline weights::component_files files_of(const fs::path& directory) {
  return weights::open_component(directory);
}

/// Returns the lines of a text file.
std::vector<std::string> lines_of(const fs::path& path);

/// Opens both text encoders of Stable Diffusion XL; `end` is the token whose state stands for a text.
models::clip_pair open_clip_pair(const fs::path& model, const models::placement& placement, std::int64_t end);

/// Opens the text encoder of a model directory: `bert` if it is there, else `text_encoder`.
models::text_encoder open_text_encoder(const fs::path& model, const models::placement& placement);

weights::config_reader scheduler_config(const fs::path& directory);
diffusion::noise_schedule open_schedule(const fs::path& directory);

/// Returns the sinusoids as float64 comparisons need them: see `take_sinusoids` of peers.py.
at::Tensor sinusoids(const models::unet_2d_condition& network, const at::Tensor& timesteps);

/// Returns those of the sizes of pictures [batch, 6], one after the other, [6 x batch, width].
at::Tensor sinusoids_of_sizes(const models::unet_2d_condition& network, const at::Tensor& sizes);

}  // namespace dvar::parity
