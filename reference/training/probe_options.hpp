#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace dvar::training {

/// The five random inputs of the diffusion loss, and which of them a probe holds fixed.
struct probe_sources {
  bool images = true;
  bool latents = true;  ///< which latent of a picture's distribution
  bool noise = true;    ///< what the network has to predict
  bool captions = true;
  bool timesteps = true;

  bool operator==(const probe_sources&) const = default;
};

/// Reads `images,latents,noise,captions,timesteps` (any of them), `all`, `none`, or the published program's
/// experiment code: five digits in the order above, 1 for fixed and 0 for drawn anew at every evaluation.
/// \throws dvar::input_error that begins with `option`.
probe_sources probe_sources_from(std::string_view text, std::string_view option);

/// `images, latents, noise, captions or timesteps`.
std::string probe_source_names();

/// The experiment code, e.g. `11101`: everything fixed but the captions.
std::string experiment_code(const probe_sources& sources);

enum class timestep_choice : std::uint8_t { stratified, random, first_third, middle_third, last_third };

/// `stratified`, `random`, `first`, `middle` or `last`. \throws dvar::input_error that begins with `option`.
timestep_choice timestep_choice_from(std::string_view text, std::string_view option);
std::string timestep_choice_names();
std::string_view name_of(timestep_choice choice);

struct probe_options {
  std::int64_t batch = 4;         ///< 1 or 2 are brittle (arXiv 2302.04841, section 4)
  std::int64_t accumulation = 1;  ///< batches that an evaluation is the mean of, one after the other
  std::uint64_t seed = 0;
  probe_sources fixed{};
  timestep_choice timesteps = timestep_choice::stratified;
  bool mean_latents = false;  ///< the mean of a picture's latent distribution instead of a draw
  bool zero_noise = false;    ///< no noise is added: the network has to predict none

  /// Inputs of an evaluation.
  std::int64_t inputs() const { return batch * accumulation; }
};

/// One timestep uniformly from each of `count` equal parts of 0 … steps - 1. Of a few independent draws too many may
/// fall where the loss hardly depends on the text.
std::vector<std::int64_t> stratified_timesteps(std::int64_t count, std::int64_t steps,
                                               std::mt19937_64& random);

/// `count` timesteps of 0 … steps - 1. Those that are not stratified are the first of a random permutation (of a third of
/// the schedule), so they are distinct; where there are more than that has, another permutation follows.
std::vector<std::int64_t> draw_timesteps(timestep_choice choice, std::int64_t count, std::int64_t steps,
                                         std::mt19937_64& random);

}  // namespace dvar::training
