#include "cli/train/class_pictures.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/concept_dataset.hpp"
#include "data/image.hpp"
#include "data/transform.hpp"
#include "error.hpp"
#include "reporting/progress.hpp"
#include "weights/content_hash.hpp"

namespace dvar::cli {
namespace {

namespace fs = std::filesystem;

/// Returns the folder of the cache for pictures that depend on the same.
fs::path folder_of(const class_pictures_choice& choice, const class_drawing& drawing) {
  const sampling_options& sampling = drawing.sampling;
  weights::content_hash hash;
  hash.add(nlohmann::json{{"model", drawing.model_content},
                          {"prompt", choice.prompt},
                          {"steps", sampling.steps},
                          {"guidance", sampling.guidance},
                          {"seed", sampling.seed},
                          {"type", at::toString(drawing.model.placement.dtype)}}
               .dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace));
  return drawing.cache / "class-pictures" / hash.text();
}

fs::path file_of(const fs::path& folder, std::int64_t picture) {
  return folder / fmt::format("{:05}.png", picture);
}

/// Returns as many pictures from the first as the folder has whole, uint8 [3, S, S] each.
std::vector<at::Tensor> kept_in(const fs::path& folder, std::int64_t most, std::int64_t size) {
  std::vector<at::Tensor> kept;
  while (static_cast<std::int64_t>(kept.size()) < most) {
    const fs::path file = file_of(folder, static_cast<std::int64_t>(kept.size()));
    if (!fs::exists(file)) break;
    try {
      at::Tensor picture = data::read_image(file);
      if (picture.size(1) != size || picture.size(2) != size) break;
      kept.push_back(std::move(picture));
    } catch (const input_error&) {
      break;  // a broken file is drawn again
    }
  }
  return kept;
}

std::vector<at::Tensor> draw(const class_pictures_choice& choice, const class_drawing& drawing) {
  const diffusion::latent_diffusion& model = drawing.model;
  const fs::path folder = drawing.cache.empty() ? fs::path{} : folder_of(choice, drawing);
  std::vector<at::Tensor> pictures;
  if (!folder.empty()) pictures = kept_in(folder, choice.count, model.resolution());
  const auto done = [&] { return static_cast<std::int64_t>(pictures.size()); };
  if (done() == choice.count) return pictures;
  if (!folder.empty()) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
      throw input_error(fmt::format("--cache: {} cannot be made: {}; --no-cache keeps no class pictures",
                                    folder.string(), error.message()));
  }
  const diffusion::prompt_encoder prompts{model};
  const std::int64_t together = std::max<std::int64_t>(pictures_at_once(model), 1);
  // What else is in its batch decides the last bits of a picture: an interrupted one is drawn again as a whole.
  pictures.resize(static_cast<std::size_t>(done() - done() % together));
  const training::batch_workers workers{
      training::batch_workers::suitable_count(together, model.placement.device)};
  reporting::progress progress{
      {.label = "class pictures",
       .total = choice.count,
       .style = drawing.quiet ? reporting::progress_style::quiet : reporting::progress_style::automatic}};
  while (done() < choice.count) {
    sampling_options sampling = drawing.sampling;
    sampling.first = done();
    sampling.count = std::min(together, choice.count - done());
    const at::Tensor drawn = sample_pictures(model, prompts, choice.prompt, {}, sampling, workers);
    for (const at::Tensor& picture : data::to_bytes(drawn).unbind()) {
      if (!folder.empty()) data::write_png(file_of(folder, done()), picture.contiguous());
      pictures.push_back(picture.contiguous());
    }
    progress.update(done());
  }
  progress.finish();
  return pictures;
}

}  // namespace

at::Tensor class_pictures(const class_pictures_choice& choice, const class_drawing& drawing,
                          const training::rank_group& group) {
  const std::int64_t size = drawing.model.resolution();
  if (!choice.folder.empty()) {
    return data::concept_dataset{
        {.images_dir = choice.folder, .size = size, .center_crop = drawing.center_crop}}
        .images();
  }
  at::Tensor levels = torch::empty({choice.count, 3, size, size}, at::kByte);
  if (group.is_first()) levels = at::stack(draw(choice, drawing));
  group.broadcast(levels);
  return levels.to(at::kFloat).div_(127.5).sub_(1.0);
}

}  // namespace dvar::cli
