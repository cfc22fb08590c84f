#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "diffusion/learned_concept.hpp"
#include "diffusion/prompt_encoder.hpp"

namespace dvar::cli {

/// Holds embeddings, and an encoder of prompts that knows their tokens.
struct opened_concepts {
  std::vector<std::filesystem::path> files;
  std::vector<diffusion::learned_concept> learned;  ///< one for each of the files
  diffusion::prompt_encoder prompts;

  /// Returns the vectors of all tokens as `prompts` numbers them, [vectors, width]; undefined where there is no embedding.
  at::Tensor vectors() const;
};

/// Reads the embeddings of files. Their tokens are `names`, in the files' order, if that is not empty. Throws `dvar::input_error`
/// when there are not as many names, an embedding does not fit the model, the model has its word already, or two have the same,
/// and names the files.
opened_concepts open_concepts(const diffusion::latent_diffusion& model,
                              const std::vector<std::filesystem::path>& files,
                              const std::vector<std::string>& names = {});

}  // namespace dvar::cli
