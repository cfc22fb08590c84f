#pragma once

#include <random>
#include <set>

#include "data/drawings.hpp"
#include "torch.hpp"

namespace dvar::training {

/// Keeps drawings in memory, with what is needed to draw batches of pictures and captions.
class drawing_set {
 public:
  /// Reads the drawings of `split` from `folder` (see data/drawings.hpp), without the groups named. Throws
  /// `dvar::input_error` when a picture is not `resolution` pixels square, and names it.
  drawing_set(const std::filesystem::path& folder, const std::string& split, std::int64_t resolution,
              const std::set<std::string>& without_groups = {});

  std::int64_t size() const { return static_cast<std::int64_t>(drawings_.size()); }
  const data::drawing& operator[](std::int64_t index) const {
    return drawings_.at(static_cast<std::size_t>(index));
  }

  /// Returns indices drawn with replacement.
  std::vector<std::int64_t> draw(std::int64_t count, std::mt19937_64& random) const;

  /// Returns the indices of `count` drawings of `count` different concepts; `count` must not exceed the
  /// number of concepts.
  std::vector<std::int64_t> draw_distinct_concepts(std::int64_t count, std::mt19937_64& random) const;

  std::int64_t concepts() const { return static_cast<std::int64_t>(concepts_.size()); }
  std::int64_t concept_of(std::int64_t index) const {
    return concept_of_.at(static_cast<std::size_t>(index));
  }
  const std::vector<std::int64_t>& drawings_of(std::int64_t concept_index) const {
    return concepts_.at(static_cast<std::size_t>(concept_index));
  }

  /// Returns pictures float32 [indices, 3, resolution, resolution] in [-1, 1].
  at::Tensor pictures(const std::vector<std::int64_t>& indices) const;

  /// Returns pictures as `pictures` does, each mirrored with probability one half where that keeps its
  /// meaning, and shifted by up to `largest_shift` pixels along both axes over a white ground.
  at::Tensor augmented_pictures(const std::vector<std::int64_t>& indices, std::int64_t largest_shift,
                                std::mt19937_64& random) const;

  /// Returns whether the drawing has no text and no direction, as animals and food.
  bool may_mirror(std::int64_t index) const;

 private:
  std::vector<data::drawing> drawings_;
  /// The indices of the drawings of each concept.
  std::vector<std::vector<std::int64_t>> concepts_;
  std::vector<std::int64_t> concept_of_;  ///< the concept of each drawing
  at::Tensor pixels_;                     ///< uint8 [size, 3, resolution, resolution]
};

/// Says how often each form of caption is drawn; the rest is the bare name.
struct caption_mix {
  double style = 0.3;    ///< "a flat drawing of a red apple"
  double drawing = 0.1;  ///< "a drawing of a red apple"
  /// The method's own templates: "a photo of a red apple".
  double templates = 0.3;
  double tag = 0.2;  ///< ", fruit" behind any of them
};

/// Draws a caption for a drawing at random.
std::string draw_caption(const data::drawing& drawing, const caption_mix& mix, std::mt19937_64& random);

/// Returns every text that `draw_caption` can be made of, once, for learning a vocabulary.
std::vector<std::string> caption_material(const drawing_set& drawings);

}  // namespace dvar::training
