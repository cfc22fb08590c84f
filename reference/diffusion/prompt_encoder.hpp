#pragma once

#include <map>
#include <string>

#include "diffusion/latent_diffusion.hpp"

namespace dvar::diffusion {

/// Holds a token and the vectors that were learned for it.
struct learned_concept {
  std::string token;   ///< as it stands in prompts, e.g. `<cat>`
  at::Tensor vectors;  ///< float32 [vectors, width]
};

/// Reads an embedding: `{token: tensor}` as diffusers writes it, or `{"emb_params": tensor}` or, pickled,
/// `{"string_to_param": {"*": tensor}}` as A1111 and ComfyUI do, whose token is the name in it or else the file's. A single vector
/// may be [width] or [1, width]. Throws `dvar::input_error` when the file holds anything else, numbers that are not finite among
/// it.
learned_concept read_learned_concept(const std::filesystem::path& file);

/// Writes both forms: `file` for diffusers' `load_textual_inversion`, and beside it `a1111_form_of(file)`, F32, each with the
/// metadata. Throws `dvar::input_error` when a number is not finite or a file cannot be written.
void write_learned_concept(const std::filesystem::path& file, const learned_concept& learned,
                           const std::map<std::string, std::string>& metadata = {});

/// Returns `STEM_a1111.safetensors` beside the file.
std::filesystem::path a1111_form_of(const std::filesystem::path& file);

/// Turns prompts into what conditions the UNet, with a token of the user's among the words.
class prompt_encoder {
 public:
  /// Makes an encoder that knows no token but the model's own.
  explicit prompt_encoder(const latent_diffusion& model);

  /// Adds `token`, which stands for `vectors` vectors. A token of several vectors is `token token_1 token_2
  /// …` to the tokenizer, as diffusers has it; prompts name the first alone. Throws `dvar::input_error` when
  /// the vocabulary has one of them already.
  prompt_encoder(const latent_diffusion& model, const std::string& token, std::int64_t vectors);

  /// Returns the prompts' ids, int64 [prompts, length], cut or padded to the tokenizer's length, as the peers do: see `check`.
  at::Tensor ids(const std::vector<std::string>& prompts) const;

  /// Turns ids [prompts, length] and vectors [vectors, width] (undefined without a token) into [prompts,
  /// length, width].
  at::Tensor states(const at::Tensor& ids, const at::Tensor& vectors = {}) const;

  /// Throws `dvar::input_error` when the model would not read the prompt as it is meant: it ends before the last vector of
  /// the token where it has it first, or the token's name is inside of another word.
  void check(const std::string& prompt) const;

  /// Returns why `check` refuses the prompt, or no value.
  std::optional<std::string> problem_of(const std::string& prompt) const;

  /// Returns whether a prompt is longer than the text encoder reads, so that its end is cut off.
  bool is_cut(const std::string& prompt) const;

  /// Returns whether the token, all of its vectors, is in what the text encoder reads of a prompt.
  bool has_token(const std::string& prompt) const;

  const std::string& token() const { return token_; }

 private:
  /// Returns the ids of a prompt without those at its ends, nothing cut; all parts of the token are where it has the first.
  std::vector<std::int64_t> expanded(const std::string& prompt) const;
  /// Returns how many of them the text encoder reads.
  std::int64_t room() const { return tokenizer_.max_length() - 2; }
  /// Returns where the token's last part stands first in these ids, counted from 1; 0 where there is none.
  std::int64_t end_of_token(const std::vector<std::int64_t>& ids) const;

  const latent_diffusion* model_;
  text::tokenizer tokenizer_;
  std::string token_;
  std::vector<std::int64_t> parts_;  // are the ids of the token's vectors
};

}  // namespace dvar::diffusion
