#include "request.hpp"

#include <fstream>

namespace dvar::parity {

at::Tensor request::tensor(std::string_view name) const {
  const at::Tensor stored = inputs_.tensor(name);
  return stored.to(stored.is_floating_point() ? placement_.dtype : stored.scalar_type(), false,
                   /*copy=*/true);
}

std::map<std::string, function, std::less<>>& functions() {
  static std::map<std::string, function, std::less<>> known;
  return known;
}

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);)
    lines.push_back(line);
  return lines;
}

models::clip_pair open_clip_pair(const fs::path& model, const models::placement& placement,
                                 std::int64_t end) {
  return {models::open_clip_text(files_of(model / "text_encoder"), placement),
          models::open_projecting_clip_text(files_of(model / "text_encoder_2"), placement), end};
}

models::text_encoder open_text_encoder(const fs::path& model, const models::placement& placement) {
  if (fs::exists(model / "bert")) return models::open_ldm_bert(files_of(model / "bert"), placement);
  return models::open_clip_text(files_of(model / "text_encoder"), placement);
}

weights::config_reader scheduler_config(const fs::path& directory) {
  return weights::config_reader{directory / "scheduler_config.json"};
}

diffusion::noise_schedule open_schedule(const fs::path& directory) {
  return diffusion::noise_schedule{
      diffusion::noise_schedule_options::from_config(scheduler_config(directory))};
}

at::Tensor sinusoids(const models::unet_2d_condition& network, const at::Tensor& timesteps) {
  const models::unet_options& options = network.options();
  return models::sinusoidal_embedding(timesteps, options.block_channels.front(), options.sine_second,
                                      options.frequency_shift);
}

at::Tensor sinusoids_of_sizes(const models::unet_2d_condition& network, const at::Tensor& sizes) {
  const models::unet_options& options = network.options();
  return models::sinusoidal_embedding(sizes.flatten(), options.size_embedding_width, options.sine_second,
                                      options.frequency_shift);
}

}  // namespace dvar::parity
