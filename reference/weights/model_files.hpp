#pragma once

#include <optional>

#include "weights/content_hash.hpp"
#include "weights/model_directory.hpp"

namespace dvar::weights {

enum class model_family { stable_diffusion, stable_diffusion_xl, ldm };

/// Holds everything that a text-to-image model is made of, ready to build its networks from.
struct model_files {
  std::filesystem::path path;  ///< the directory or file that was opened, for messages
  model_family family = model_family::stable_diffusion;
  component_files text_encoder;
  /// Projects texts as wholes; only Stable Diffusion XL has one.
  std::optional<component_files> second_text_encoder{};
  component_files unet;
  component_files autoencoder;
  config_reader scheduler;
  std::filesystem::path tokenizer;           ///< directory
  std::filesystem::path second_tokenizer{};  ///< directory; empty where there is no second text encoder
  /// Whether zeros stand for no prompt in guidance, and not the empty prompt.
  bool no_prompt_is_zero = false;
  /// The tensors of a single file that belong to no network and are no usual companions of them.
  std::vector<std::string> surplus = {};
  /// Says what was taken for granted, since no file says it; empty where nothing was.
  std::string assumed{};
};

/// Says where a model is.
struct model_source {
  std::filesystem::path path;             ///< a directory, or a checkpoint in one file
  std::filesystem::path configuration{};  ///< for a checkpoint in one file
  /// A directory or file of another autoencoder, see `open_other_autoencoder`; empty for the model's own.
  std::filesystem::path autoencoder{};
  /// What the network predicts, `epsilon` or `v_prediction`, for a checkpoint in one file that does not say; may be empty.
  std::string prediction{};
};

/// Opens a model directory in diffusers' layout, with `text_encoder` and `vae` (Stable Diffusion; with `text_encoder_2` and
/// `tokenizer_2` Stable Diffusion XL) or `bert` and `vqvae` (LDM, which it is if `bert` is there or `model_index.json` has it), or a checkpoint in one
/// safetensors file with the names that the authors of Stable Diffusion gave to the tensors
/// (model.diffusion_model.*, first_stage_model.*, cond_stage_model.*,
/// and for Stable Diffusion XL conditioner.embedders.*).
///
/// Such a file holds neither the tokenizer nor the sizes: `configuration`, a model directory that needs no weights,
/// gives `tokenizer/` (or is itself a tokenizer's directory), and where it has them `scheduler/scheduler_config.json`
/// and the networks' `config.json`; otherwise sizes come from the shapes, and the rest is as published for Stable
/// Diffusion 1 (and 2, whose text encoder is OpenCLIP's, and XL). Networks of Stable Diffusion 2 may predict either thing: where
/// neither the file nor `configuration` says which, `prediction` has to.
///
/// Throws `dvar::input_error` when a file is missing or wrong, or a checkpoint of another model, when there is a `configuration`
/// beside a model directory, and when the files say another `prediction`; the message names the file, the key or tensor,
/// what was expected and what was found.
[[nodiscard]] model_files open_model_files(const model_source& source);

[[nodiscard]] model_files open_model_files(const std::filesystem::path& path,
                                           const std::filesystem::path& configuration = {});

/// Returns the hash of all that decides what the model computes: its weights, the tokenizer's files and the configurations, by
/// what is in them. Throws `dvar::input_error` when a file cannot be read.
[[nodiscard]] std::string content_of(const model_files& files, hashed_part part);

}  // namespace dvar::weights
