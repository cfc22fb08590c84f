#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "models/text_encoder.hpp"

namespace dvar::diffusion {

/// Holds a token and the vectors that were learned for it.
struct learned_concept {
  std::string token;  ///< as it stands in prompts, e.g. `<cat>`
  at::Tensor
      vectors;  ///< float32 [vectors, width]; of two text encoders, the first's numbers before the second's
  /// The widths of which `vectors` has the sum, one for each text encoder.
  std::vector<std::int64_t> widths;

  /// Throws `dvar::input_error`, which names `location`, when the vectors are of other widths than the encoder's.
  void check_fits(const models::text_encoder& encoder, const std::string& location) const;
};

/// Reads an embedding: `{token: tensor}` as diffusers writes it, or `{"emb_params": tensor}` or, pickled,
/// `{"string_to_param": {"*": tensor}}` as A1111 and ComfyUI do, or `{"clip_l": tensor, "clip_g": tensor}` for the two text
/// encoders of Stable Diffusion XL, as both read it. Where the file does not name the token, it is the name in the metadata, or
/// else the file's. A single vector may be [width] or [1, width]. Throws `dvar::input_error` when the file holds anything else,
/// numbers that are not finite among it.
learned_concept read_learned_concept(const std::filesystem::path& file);

/// Writes vectors of one text encoder in both forms: `file` for diffusers' `load_textual_inversion`, and beside it
/// `a1111_form_of(file)`, F32, each with the metadata. Those of two go to `file` alone, as `clip_l` and `clip_g`, F32, with the
/// token in the metadata as `name`. Throws `dvar::input_error` when a number is not finite or a file cannot be written.
void write_learned_concept(const std::filesystem::path& file, const learned_concept& learned,
                           const std::map<std::string, std::string>& metadata = {});

/// Returns `STEM_a1111.safetensors` beside the file.
std::filesystem::path a1111_form_of(const std::filesystem::path& file);

}  // namespace dvar::diffusion
