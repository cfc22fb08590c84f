#pragma once

#include <optional>

#include "cli/compute_options.hpp"
#include "cli/init/initial_embedding.hpp"
#include "cli/samples/sampling.hpp"
#include "data/concept_dataset.hpp"
#include "training/inversion_run.hpp"

namespace CLI {
class App;
}

namespace dvar::cli {

/// Everything that `dvar train` can be told, with its defaults.
struct train_command {
  std::string model = "demo";
  std::filesystem::path config;
  std::filesystem::path images;
  std::string token;
  std::filesystem::path output;
  initial_choice initial;
  std::filesystem::path clip;
  std::filesystem::path held_out;
  bool captions = false;
  bool masks = false;
  std::filesystem::path masks_dir;  ///< empty: beside the pictures
  double mask_background = 0.0;
  std::filesystem::path identity;  ///< empty: no second encoder
  std::string class_word;          ///< empty: what the token begins as
  bool centre_crop = false;
  double flip = 0.5;
  std::string prompt;
  // Ten times gentler than the published 5e-3, under which not every concept of the bundled model comes to rest.
  training::inversion_options inversion{.optimiser = {.learning_rate = 5e-4}};
  training::inversion_run_options run;
  sampling_options scored_samples;
  std::int64_t checkpoint_every = 100;
  bool resume = false;
  bool overwrite = false;
  std::optional<std::int64_t> samples;
  sampling_options sampling;
  compute_options compute;
  std::int64_t ranks = 1;  ///< processes that train together: the launcher says how many, not an option
  int threads = 0;
  bool quiet = false;
  bool json = false;
  bool no_tensorboard = false;

  /// Options that are read as text or stand for others; `resolve` puts what they mean into the fields above.
  struct texts {
    std::vector<std::string> stop;  ///< empty: dvar
    std::optional<std::size_t> window;
    std::optional<double> threshold;
    std::optional<std::int64_t> score_every;
    std::optional<std::int64_t> score_samples;
    std::optional<std::int64_t> score_steps;
    std::string optimiser = "adamw";
    std::optional<double> momentum;
    std::optional<std::string> sam_base;
    std::optional<double> sam_radius;
    std::string schedule = "constant";
    std::optional<std::int64_t> warmup_steps;
    std::optional<std::int64_t> restarts;
    std::optional<double> power;
    std::optional<double> last_learning_rate;
    bool scale_learning_rate = false;
    std::optional<std::string> learnable_property;
    std::string masks;  ///< empty: none
    std::optional<double> mask_background;
    std::optional<std::string> prompt;
    std::string probe_fixed = "all";
    std::string probe_timesteps = "stratified";
  } text;
};

/// Adds the options of `dvar train` to its command; they write into `options`.
void add_train_options(CLI::App& command, train_command& options);

/// Reads the options that are text. \throws dvar::input_error names the option, what was expected and what was found.
void resolve(train_command& command);

/// Refuses what cannot be used, as far as that shows without opening a file. \throws dvar::input_error
void check(const train_command& command);

/// JSON of what decides the course of training: a resumed run must have all of it the same.
std::string configuration_of(const train_command& command, const data::concept_dataset& pictures,
                             const initial_embedding& initial);

/// Does it, together with the other ranks of the group. \throws dvar::cli::interrupted on all of them
void train(const train_command& command, const training::rank_group& group);

}  // namespace dvar::cli
