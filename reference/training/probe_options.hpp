#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "name_table.hpp"

namespace dvar::training {

/// Says which of the five random inputs of the diffusion loss a probe holds fixed.
struct probe_sources {
  bool images = true;
  bool latents = true;  ///< the draw from a picture's distribution
  bool noise = true;    ///< what the network has to predict
  bool captions = true;
  bool timesteps = true;

  bool operator==(const probe_sources&) const = default;
};

/// Reads `images,latents,noise,captions,timesteps` (any of them), `all`, `none`, or the published program's
/// experiment code: five digits in the order above, 1 for fixed and 0 for drawn anew at every evaluation.
/// Throws `dvar::input_error`, which begins with `option`, when the text is none of these.
probe_sources probe_sources_from(std::string_view text, std::string_view option);

/// Returns `images, latents, noise, captions or timesteps`.
std::string probe_source_names();

/// Returns the experiment code, e.g. `11101`: everything fixed but the captions.
std::string experiment_code(const probe_sources& sources);

enum class timestep_choice : std::uint8_t { stratified, random, first_third, middle_third, last_third };

inline constexpr name_table<timestep_choice, 5> timestep_choices{
    {{{"stratified", timestep_choice::stratified},
      {"random", timestep_choice::random},
      {"first", timestep_choice::first_third},
      {"middle", timestep_choice::middle_third},
      {"last", timestep_choice::last_third}}}};

struct probe_options {
  std::int64_t batch = 4;  ///< 1 or 2 are brittle (arXiv 2302.04841, section 4)
  /// The number of batches that an evaluation is the mean of, one after the other.
  std::int64_t accumulation = 1;
  std::uint64_t seed = 0;
  probe_sources fixed{};
  timestep_choice timesteps = timestep_choice::stratified;
  /// Whether the mean of a picture's latent distribution takes the place of a draw.
  bool mean_latents = false;
  /// Whether no noise is added: the network has to predict none.
  bool zero_noise = false;

  /// Returns the number of inputs of an evaluation.
  std::int64_t inputs() const { return batch * accumulation; }
};

/// `count` timesteps of 0 … steps - 1. Stratified, one comes from each of `count` equal parts: of a few independent draws
/// too many may fall where the loss hardly depends on the text. The others are the first of a random permutation (of a
/// third of the schedule), so they are distinct; where there are more than that has, another permutation follows.
std::vector<std::int64_t> draw_timesteps(timestep_choice choice, std::int64_t count, std::int64_t steps,
                                         std::mt19937_64& random);

}  // namespace dvar::training
