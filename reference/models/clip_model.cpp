#include "models/clip_model.hpp"

#include "models/file_parameters.hpp"

namespace dvar::models {

clip_model clip_model::open(const weights::component_files& files, const placement& placement) {
  file_parameters parameters{files.weights, placement};
  const auto tower = [&](const char* part) {
    nlohmann::json config = files.config.object(part).json();
    config["projection_dim"] = files.config.get_or<std::int64_t>("projection_dim", 512);
    return weights::config_reader{config, files.config.location() + ": " + part};
  };
  auto text = clip_text_options::from_config(tower("text_config"), /*with_projection=*/true);
  auto vision = clip_vision_options::from_config(tower("vision_config"));
  text.encoder.execution = vision.encoder.execution = placement.execution;
  return {.text = {scope{parameters}, text}, .vision = {scope{parameters}, vision}};
}

}  // namespace dvar::models
