#include "training/pretraining/drawing_set.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <stdexcept>

#include <fmt/format.h>

#include <dvar/probe/draws.hpp>

#include "data/image.hpp"
#include "error.hpp"
#include "text/prompt_templates.hpp"

namespace dvar::training {
namespace {

struct style_word {
  std::string_view style;
  std::string_view word;
};

// A word that tells the hands apart for every style of the manifest.
constexpr std::array style_words{style_word{"noto", "noto"},          style_word{"noto-v1", "blob"},
                                 style_word{"twemoji", "twemoji"},    style_word{"fluent-flat", "flat"},
                                 style_word{"fluent-3d", "solid"},    style_word{"fxemoji", "bold"},
                                 style_word{"streamline", "outlined"}};

std::string_view word_of(const std::string& style) {
  const auto* found = std::find_if(style_words.begin(), style_words.end(),
                                   [&](const style_word& entry) { return entry.style == style; });
  return found == style_words.end() ? std::string_view{style} : found->word;
}

}  // namespace

drawing_set::drawing_set(const std::filesystem::path& folder, const std::string& split,
                         std::int64_t resolution, const std::set<std::string>& without_groups) {
  for (data::drawing& drawing : data::read_drawings(folder))
    if (drawing.split == split && !without_groups.contains(drawing.group))
      drawings_.push_back(std::move(drawing));
  if (drawings_.empty())
    throw input_error(fmt::format("{}: expected drawings of split '{}', found none", folder.string(), split));
  pixels_ = torch::empty({size(), 3, resolution, resolution}, at::kByte);
  std::map<std::string, std::size_t> concept_index;
  for (std::int64_t i = 0; i < size(); ++i) {
    const data::drawing& drawing = (*this)[i];
    const at::Tensor picture = data::read_image(drawing.file);
    if (picture.size(1) != resolution || picture.size(2) != resolution) {
      throw input_error(fmt::format("{}: expected {} x {} pixels, found {} x {}", drawing.file.string(),
                                    resolution, resolution, picture.size(2), picture.size(1)));
    }
    pixels_[i].copy_(picture);
    const auto [entry, is_new] = concept_index.emplace(drawing.code_points, concepts_.size());
    if (is_new) concepts_.emplace_back();
    concepts_[entry->second].push_back(i);
    concept_of_.push_back(static_cast<std::int64_t>(entry->second));
  }
}

std::vector<std::int64_t> drawing_set::draw(std::int64_t count, std::mt19937_64& random) const {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::generate(indices.begin(), indices.end(), [&] { return draw_below(random, size()); });
  return indices;
}

std::vector<std::int64_t> drawing_set::draw_distinct_concepts(std::int64_t count,
                                                              std::mt19937_64& random) const {
  const auto wanted = static_cast<std::size_t>(count);
  if (wanted > concepts_.size())
    throw std::invalid_argument(fmt::format("expected at most {} concepts, got {}", concepts_.size(), count));
  std::vector<std::size_t> order(concepts_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<std::int64_t> indices;
  for (std::size_t i = 0; i < wanted; ++i) {
    std::swap(order[i], order[draw_index(random, {i, order.size()})]);
    const std::vector<std::int64_t>& drawings = concepts_[order[i]];
    indices.push_back(drawings[draw_below(random, drawings.size())]);
  }
  return indices;
}

at::Tensor drawing_set::pictures(const std::vector<std::int64_t>& indices) const {
  return pixels_.index_select(0, torch::tensor(indices)).to(at::kFloat).div_(127.5).sub_(1.0);
}

at::Tensor drawing_set::augmented_pictures(const std::vector<std::int64_t>& indices,
                                           std::int64_t largest_shift, std::mt19937_64& random) const {
  at::Tensor result = pictures(indices);
  const auto draw_shift = [&] { return draw_below(random, 2 * largest_shift + 1); };
  for (std::size_t i = 0; i < indices.size(); ++i) {
    at::Tensor picture = result[static_cast<std::int64_t>(i)];
    if (may_mirror(indices[i]) && draw_chance(random, 0.5)) picture.copy_(picture.flip({2}));
    if (largest_shift == 0) continue;
    const at::Tensor padded = at::constant_pad_nd(
        picture, {largest_shift, largest_shift, largest_shift, largest_shift}, /*value=*/1.0);
    const std::int64_t down = draw_shift();
    const std::int64_t right = draw_shift();
    picture.copy_(padded.narrow(1, down, picture.size(1)).narrow(2, right, picture.size(2)));
  }
  return result;
}

bool drawing_set::may_mirror(std::int64_t index) const {
  const std::string& group = (*this)[index].group;
  return group == "animals-nature" || group == "food-drink";
}

std::string draw_caption(const data::drawing& drawing, const caption_mix& mix, std::mt19937_64& random) {
  double choice = draw_unit(random);
  const auto chosen = [&choice](double share) { return (choice -= share) < 0.0; };
  std::string caption = drawing.name;
  if (chosen(mix.style)) {
    caption = fmt::format("a {} drawing of a {}", word_of(drawing.style), drawing.name);
  } else if (chosen(mix.drawing)) {
    caption = "a drawing of a " + drawing.name;
  } else if (chosen(mix.templates)) {
    const auto templates = text::object_templates();
    caption = text::fill(templates[draw_below(random, templates.size())], drawing.name);
  }
  if (!drawing.tags.empty() && draw_unit(random) < mix.tag)
    caption += ", " + drawing.tags[draw_below(random, drawing.tags.size())];
  return caption;
}

std::vector<std::string> caption_material(const drawing_set& drawings) {
  std::vector<std::string> material;
  for (const std::string_view prompt : text::object_templates())
    material.push_back(text::fill(prompt, ""));
  for (const style_word& entry : style_words)
    material.push_back(fmt::format("a {} drawing of a", entry.word));
  for (std::int64_t i = 0; i < drawings.size(); ++i) {
    material.push_back(drawings[i].name);
    material.insert(material.end(), drawings[i].tags.begin(), drawings[i].tags.end());
  }
  return material;
}

}  // namespace dvar::training
