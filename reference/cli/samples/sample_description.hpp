/// Says in the words of a picture's file how it was drawn.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/samples/lora_choice.hpp"
#include "cli/samples/opened_concepts.hpp"
#include "cli/samples/sampling.hpp"
#include "data/png_text.hpp"

namespace dvar::cli {

/// Are settings and their values, as `Steps` and `50`.
using described_settings = std::vector<std::pair<std::string, std::string>>;

/// Returns the last part of a path, UTF-8: what may be told to others of the names on a user's machine.
std::string file_name_of(std::filesystem::path path);

/// Returns `a.safetensors: <cat>, b.safetensors: <hat>`; empty without embeddings.
std::string names_of_embeddings(const opened_concepts& opened);

/// Returns `a.safetensors: 0.8`, and so on, of texts of `--lora`; empty without any.
std::string names_of_loras(const std::vector<std::string>& loras);

/// Returns sampler, size and so on of the pictures that `sample_pictures` draws with these options, under the names that webui of
/// AUTOMATIC1111 has for them, and under names of ours for what it does not have. `picture` is a picture's own number, none for
/// all; `latents` names the file that the initial noise is from, empty for none.
described_settings settings_of(const diffusion::latent_diffusion& model, const sampling_options& sampling,
                               std::optional<std::int64_t> picture, const std::string& latents = {});

/// Returns the text `parameters` of a picture in the form of webui: the prompt, `Negative prompt: …` if there is one, and the
/// settings in one line, `Steps: 50, Sampler: DDIM, …`, their values in quotes as JSON where a comma, a colon, a quote or the end
/// of a line is in them. Settings without a value are left out.
data::png_text parameters_of(const std::string& prompt, const std::string& negative_prompt,
                             const described_settings& settings);

}  // namespace dvar::cli
