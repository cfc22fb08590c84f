#include "cli/samples/opened_concepts.hpp"

#include <fmt/format.h>

#include "error.hpp"

namespace dvar::cli {
namespace {

/// Returns the number of the embedding whose token alone keeps `added` from being added, or no value.
std::optional<std::size_t> other_in_the_way(const diffusion::latent_diffusion& model,
                                            const std::vector<diffusion::learned_concept>& others,
                                            const diffusion::learned_concept& added) {
  for (std::size_t i = 0; i < others.size(); ++i) {
    diffusion::prompt_encoder prompts{model, others[i].token, others[i].vectors.size(0)};
    try {
      prompts.add(added.token, added.vectors.size(0));
    } catch (const input_error&) {
      return i;
    }
  }
  return std::nullopt;
}

/// Throws `dvar::input_error` for an embedding whose token cannot be added, and says which other one has it, or that the model
/// does.
[[noreturn]] void refuse_token(const diffusion::latent_diffusion& model, const opened_concepts& opened,
                               const diffusion::learned_concept& added, const std::filesystem::path& file,
                               const input_error& error, bool is_named) {
  // Not in the way is an embedding beside which the model alone refuses the token.
  const auto by_itself = [&] {
    try {
      diffusion::prompt_encoder{model}.add(added.token, added.vectors.size(0));
      return true;
    } catch (const input_error&) {
      return false;
    }
  };
  if (by_itself()) {
    if (const auto other = other_in_the_way(model, opened.learned, added)) {
      throw input_error(fmt::format(
          "--embedding {} and {}: expected tokens that differ, found {} and {}; --token, once for each in this "
          "order, gives them other names",
          opened.files[*other].string(), file.string(), opened.learned[*other].token, added.token));
    }
  }
  if (is_named) throw error;
  throw input_error(fmt::format("{}: {}; --token gives it another name", file.string(), error.what()));
}

}  // namespace

at::Tensor opened_concepts::vectors() const {
  std::vector<at::Tensor> all;
  for (const diffusion::learned_concept& each : learned)
    all.push_back(each.vectors);
  return all.empty() ? at::Tensor{} : at::cat(all);
}

opened_concepts open_concepts(const diffusion::latent_diffusion& model,
                              const std::vector<std::filesystem::path>& files,
                              const std::vector<std::string>& names) {
  if (!names.empty() && names.size() != files.size()) {
    throw input_error(
        fmt::format("--token: expected one for each --embedding in their order, or none, found {} for {}",
                    names.size(), files.size()));
  }
  opened_concepts opened{.files = {}, .learned = {}, .prompts = diffusion::prompt_encoder{model}};
  for (std::size_t i = 0; i < files.size(); ++i) {
    diffusion::learned_concept learned = diffusion::read_learned_concept(files[i]);
    learned.check_fits(model.text_encoder, files[i].string());
    if (!names.empty()) learned.token = names[i];
    try {
      opened.prompts.add(learned.token, learned.vectors.size(0));
    } catch (const input_error& error) {
      refuse_token(model, opened, learned, files[i], error, !names.empty());
    }
    opened.files.push_back(files[i]);
    opened.learned.push_back(std::move(learned));
  }
  return opened;
}

}  // namespace dvar::cli
