#pragma once

#include <optional>

#include "cli/compute_options.hpp"
#include "cli/sampling.hpp"
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
  std::string initial = "best";
  std::filesystem::path clip;
  std::filesystem::path held_out;
  std::int64_t vectors = 1;
  bool centre_crop = false;
  double flip = 0.5;
  std::string prompt = "a photo of a {}";
  // Ten times gentler than the published 5e-3, under which not every concept of the bundled model comes to rest.
  training::inversion_options inversion{.optimiser = {.learning_rate = 5e-4}};
  training::probe_options probe;
  std::int64_t probe_every = 1;
  training::stopping_options stopping;
  std::int64_t checkpoint_every = 100;
  bool resume = false;
  bool overwrite = false;
  std::optional<std::int64_t> samples;
  sampling_options sampling;
  compute_options compute;
  int threads = 0;
  bool quiet = false;
  bool json = false;
};

/// Adds the options of `dvar train` to its command; they write into `options`.
void add_train_options(CLI::App& command, train_command& options);

/// Refuses what cannot be used, as far as that shows without opening a file. \throws dvar::input_error
void check(const train_command& command);

/// JSON of what decides the course of training: a resumed run must have all of it the same.
std::string configuration_of(const train_command& command, const data::concept_dataset& pictures,
                             const std::string& initial_word);

/// Does it.
void train(const train_command& command);

}  // namespace dvar::cli
