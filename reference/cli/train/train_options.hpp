#pragma once

#include <algorithm>
#include <optional>

#include <dvar/rules/variance_ratio.hpp>

#include "cli/compute_options.hpp"
#include "cli/init/initial_embedding.hpp"
#include "cli/options/option_row.hpp"
#include "cli/samples/sampling.hpp"
#include "cli/train/class_pictures.hpp"
#include "cli/train/optimizer_choice.hpp"
#include "data/concept_dataset.hpp"
#include "training/inversion_run.hpp"

namespace dvar::cli {

/// Holds what belongs to one of the concepts that a run learns: what the options say of the only one, or an entry of
/// `--concepts-list`.
struct concept_choice {
  std::filesystem::path images;
  std::string token;
  initial_choice initial;
  class_pictures_choice class_pictures;
  std::string prompt{};  ///< of all its pictures; is empty for captions or templates
  std::string where{};   ///< goes before what is wrong with it: `FILE: entry 2: `; is empty for the options
};

/// Holds everything that `dvar train` can be told, with its defaults.
struct train_options {
  std::string model = "demo";
  std::filesystem::path config;
  std::filesystem::path vae;
  std::string prediction_type;
  std::filesystem::path images;
  std::string token;
  std::filesystem::path concepts_list;  ///< stands for the images, the token and what belongs to them
  std::filesystem::path output;
  initial_choice initial;
  std::filesystem::path clip;
  std::filesystem::path held_out;
  std::int64_t hold_out = 0;  ///< counts pictures of the folder
  bool captions = false;
  bool masks = false;
  std::filesystem::path masks_dir;  ///< is empty for masks beside the pictures
  double mask_background = 0.0;
  std::filesystem::path identity;  ///< is empty for no second encoder
  std::string class_word;          ///< is empty for what the token begins as
  bool center_crop = false;
  bool random_crop = false;
  bool buckets = false;
  std::vector<std::string> bucket_sizes;  ///< is empty for those of the model
  double flip = 0.5;
  std::string prompt;
  training::inversion_options inversion;
  class_pictures_choice class_pictures;
  training::monitor_options run{.probe_every = 3};
  sampling_options scored_samples;
  std::int64_t checkpoint_every = 100;
  std::optional<std::int64_t> snapshot_every;
  bool resume = false;
  bool overwrite = false;
  bool dry_run = false;
  bool strict = false;
  std::optional<std::int64_t> samples;
  sampling_options sampling;
  std::string author;
  std::string license;
  compute_options compute;
  /// Counts the processes that train together, by the launcher, not by an option.
  std::int64_t ranks = 1;
  int threads = 0;
  bool quiet = false;
  bool json = false;
  bool no_tensorboard = false;
  bool profile = false;
  std::filesystem::path chrome_trace;  ///< is empty for none

  /// Holds options that are read as text or stand for others; `resolve` puts what they mean into the fields
  /// above.
  struct texts {
    std::vector<std::string> stop{std::string{training::default_stop}};
    std::vector<std::string> pivotal{};  ///< are empty unless the token is learned alone first
    std::uint64_t window = variance_ratio_options{presets::v2}.window;
    double threshold = variance_ratio_options{presets::v2}.threshold;
    std::optional<std::int64_t> score_every;
    optimizer_choice optimizer;
    std::optional<double> ema;  ///< is the decay; none for no average
    std::optional<double> ema_power;
    std::string token_update = "free";
    std::string method = "textual-inversion";
    std::string lora_layers = "attention";
    std::string lora_format = "both";
    bool no_rescale = false;
    std::string learnable_property = "object";
    std::string masks;  ///< is empty for none
    std::string probe_fixed = "all";
    std::string probe_timesteps = "stratified";
  } text;

  bool prints_summary = true;  ///< false where another run follows, whose summary is the one
  given_options given;         ///< are those that this was told by
  /// Are put there by `resolve`, one at least.
  std::vector<concept_choice> concepts{};
};

/// Returns the options of `dvar train`, a row for each; they write into `options`, which must outlive them.
option_rows rows_of(train_options& options);

/// Returns whether there are pictures that the run does not learn from.
inline bool holds_out(const train_options& options) {
  return !options.held_out.empty() || options.hold_out > 0;
}

/// Returns whether the run learns a LoRA.
inline bool learns_lora(const train_options& options) {
  return options.inversion.method == training::method_kind::dreambooth_lora;
}

/// Returns whether the run learns weights of keys and values.
inline bool learns_keys_and_values(const train_options& options) {
  return options.inversion.method == training::method_kind::custom_diffusion;
}

/// Returns whether the run keeps what the model makes of its concepts' classes: of all or of none.
inline bool keeps_classes(const train_options& options) {
  return std::ranges::any_of(options.concepts,
                             [](const concept_choice& each) { return each.class_pictures.is_wanted(); });
}

/// Returns whether the run learns several concepts together.
inline bool learns_several(const train_options& options) {
  return options.concepts.size() > 1;
}

/// Returns the tokens of all concepts, for people: `<cat>, <dog>`.
std::string tokens_of(const train_options& options);

/// Returns the prompts that are drawn for a concept's pictures where they have no captions.
std::vector<std::string> prompts_of(const train_options& options, const concept_choice& learned);

/// Returns whether a text can be a token, as far as that can be said without the model.
bool is_token(const std::string& text);

/// Says what a token has to be.
inline constexpr const char* expected_token =
    "one word, and no name that files of embeddings have for something else";

/// Returns the requirement of options that cannot be used with several concepts, or not yet.
requirement one_concept(const train_options& options);

/// Returns what the training is told, with pictures of each concept's class, float32 [n, 3, S, S], if they are to be kept.
training::inversion_options learning_options(const train_options& options,
                                             const std::vector<at::Tensor>& class_pictures);

/// Learns a concept, together with the other ranks of the group. Throws `interrupted` on all of them when one
/// is interrupted, and `diverged` on the first when the run has diverged.
void train(const train_options& options, const training::rank_group& group);

}  // namespace dvar::cli
