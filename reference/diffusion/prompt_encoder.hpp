#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "diffusion/latent_diffusion.hpp"

namespace dvar::diffusion {

/// Holds prompts as the networks take them, and what pictures they go with.
struct prompt_inputs {
  at::Tensor ids;  ///< int64 [prompts, length], see `prompt_encoder::ids`
  /// int64 [prompts, 6], see `models::conditioning`; undefined for pictures of the model's own resolution, and for models that do
  /// not take it.
  at::Tensor sizes{};
  at::Tensor dropout_keys{};  ///< see `models::conditioning`

  prompt_inputs(at::Tensor of_prompts, at::Tensor of_pictures = {}, at::Tensor keys = {})
      : ids{std::move(of_prompts)}, sizes{std::move(of_pictures)}, dropout_keys{std::move(keys)} {}
};

/// Turns prompts into what conditions the UNet, with tokens of the user's among the words.
class prompt_encoder {
 public:
  /// Makes an encoder that knows no token but the model's own.
  explicit prompt_encoder(const latent_diffusion& model);

  /// Makes an encoder that knows one token more, see `add`.
  prompt_encoder(const latent_diffusion& model, const std::string& token, std::int64_t vectors);

  /// Adds `token`, which stands for `vectors` vectors, behind those of the tokens before it. A token of several vectors is
  /// `token token_1 token_2 …` to the tokenizer, as diffusers has it; prompts name the first alone. Throws `dvar::input_error`
  /// when the vocabulary has one of them already.
  void add(const std::string& token, std::int64_t vectors);

  /// Returns this encoder with the text encoder of a model that reads prompts as this one's does, such as the same with products added.
  /// The model must outlive it.
  prompt_encoder of(const latent_diffusion& model) const;

  /// Returns the prompts' ids, int64 [prompts, length], cut or padded to the tokenizer's length, as the peers do: see `check`. A
  /// model with two text encoders has those of both side by side, [prompts, 2 x length].
  at::Tensor ids(const std::vector<std::string>& prompts) const;

  /// Turns prompts and vectors [vectors, width], of all tokens in their order (undefined without any), into what conditions the UNet: states [prompts,
  /// length, width], and with them what the model takes besides.
  models::conditioning states(const prompt_inputs& prompts, const at::Tensor& vectors = {}) const;

  /// Returns what stands for no prompt at all in guidance: that of the empty prompt, or zeros, as the model was trained.
  models::conditioning no_prompt(const at::Tensor& vectors = {}) const;

  /// Throws `dvar::input_error` when the model would not read the prompt as it is meant: it ends before the last vector of
  /// a token where it has it first, or a token's name is inside of another word.
  void check(const std::string& prompt) const;

  /// Returns why `check` refuses the prompt, or no value.
  std::optional<std::string> problem_of(const std::string& prompt) const;

  /// Returns whether a prompt is longer than the text encoder reads, so that its end is cut off.
  bool is_cut(const std::string& prompt) const;

  /// Returns whether a token, all of its vectors, is in what the text encoder reads of a prompt. Throws `std::out_of_range` when
  /// it is none of `tokens`.
  bool has_token(const std::string& prompt, std::string_view token) const;
  /// Returns whether the first token is.
  bool has_token(const std::string& prompt) const { return !tokens_.empty() && has_token(prompt, token()); }

  /// Returns the first token; empty where there is none.
  const std::string& token() const;
  /// Returns all tokens in the order in which they were added.
  const std::vector<std::string>& tokens() const { return tokens_; }

 private:
  /// Reads prompts for one text encoder.
  struct reader {
    text::tokenizer tokenizer;
    std::vector<std::vector<std::int64_t>> tokens{};  // are the ids of each token's vectors

    /// Adds the token. Throws `dvar::input_error` when the vocabulary has it.
    void add(const std::string& token, std::int64_t vectors);
    /// Returns the ids of a prompt without those at its ends, nothing cut; all parts of a token are where it has the first.
    std::vector<std::int64_t> expanded(const std::string& prompt) const;
    /// Returns the ids of a prompt as the text encoder takes them.
    std::vector<std::int64_t> row(const std::string& prompt) const;
    /// Returns how many of a prompt's ids the text encoder reads.
    std::int64_t room() const { return tokenizer.max_length() - 2; }
    /// Returns where the last part of a token, by its number, stands first in a prompt, counted from 1; 0 where there is none.
    std::int64_t end_of_token(const std::string& prompt, std::size_t token) const;
  };

  const latent_diffusion* model_;
  std::vector<reader> readers_;
  std::vector<std::string> tokens_{};
};

}  // namespace dvar::diffusion
