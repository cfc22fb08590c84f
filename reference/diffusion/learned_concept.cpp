#include "diffusion/learned_concept.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "error.hpp"
#include "weights/messages.hpp"
#include "weights/safetensors.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::diffusion {
namespace {

/// Begins the names of vectors in the files that A1111 and the first program of Textual Inversion pickle, whose other tensors
/// are ids of tokens.
constexpr std::string_view a1111_vectors = "string_to_param.";

// Names the vectors of the two text encoders of Stable Diffusion XL.
constexpr const char* of_first = "clip_l";
constexpr const char* of_second = "clip_g";

std::vector<std::string> names_of_embeddings(const weights::tensor_file& stored) {
  std::vector<std::string> names = stored.names();
  const auto is_vectors = [](const std::string& name) { return name.starts_with(a1111_vectors); };
  if (std::ranges::any_of(names, is_vectors)) std::erase_if(names, std::not_fn(is_vectors));
  return names;
}

/// Returns the vectors of a name, float32 [vectors, width].
at::Tensor read_vectors(const weights::tensor_file& stored, const std::string& name) {
  at::Tensor vectors = stored.tensor(name).to(at::kFloat);
  if (vectors.dim() == 1) vectors = vectors.unsqueeze(0);
  if (vectors.dim() != 2 || vectors.size(0) < 1) {
    throw input_error(fmt::format("{}: '{}': expected shape [width] or [vectors, width], found {}",
                                  stored.path().string(), name,
                                  weights::to_string(stored.tensor(name).sizes())));
  }
  weights::require_finite(vectors, stored.path(), name);
  return vectors.clone();
}

/// Returns the name that the metadata gives the token, or that of the file.
std::string name_of_token(const weights::tensor_file& stored) {
  const auto named = stored.metadata().find("name");
  return named != stored.metadata().end() && !named->second.empty() ? named->second
                                                                    : stored.path().stem().string();
}

learned_concept read_of_two(const weights::tensor_file& stored) {
  const std::string file = stored.path().string();
  if (stored.names() != std::vector<std::string>{of_second, of_first}) {
    throw input_error(fmt::format("{}: expected the tensors {} and {} of Stable Diffusion XL alone, found {}",
                                  file, of_first, of_second, fmt::join(stored.names(), ", ")));
  }
  const at::Tensor first = read_vectors(stored, of_first), second = read_vectors(stored, of_second);
  if (first.size(0) != second.size(0)) {
    throw input_error(fmt::format("{}: expected as many vectors in {} as in {}, found {} and {}", file,
                                  of_first, of_second, first.size(0), second.size(0)));
  }
  return {.token = name_of_token(stored),
          .vectors = at::cat({first, second}, /*dim=*/1),
          .widths = {first.size(1), second.size(1)}};
}

}  // namespace

void learned_concept::check_fits(const models::text_encoder& encoder, const std::string& location) const {
  if (widths != encoder.widths()) {
    // Of two text encoders as `768 and 1280`.
    throw input_error(fmt::format("{}: expected vectors of {} numbers for this model, found {}", location,
                                  fmt::join(encoder.widths(), " and "), fmt::join(widths, " and ")));
  }
}

learned_concept read_learned_concept(const std::filesystem::path& file) {
  const weights::tensor_file stored{file};
  if (stored.contains(of_first) || stored.contains(of_second)) return read_of_two(stored);
  const std::vector<std::string> names = names_of_embeddings(stored);
  if (names.size() != 1) {
    throw input_error(fmt::format("{}: expected one tensor, the embedding of a token, found {}",
                                  file.string(), names.size()));
  }
  const at::Tensor vectors = read_vectors(stored, names.front());
  const bool is_a1111 = names.front() == "emb_params" || names.front().starts_with(a1111_vectors);
  return {.token = is_a1111 ? name_of_token(stored) : names.front(),
          .vectors = vectors,
          .widths = {vectors.size(1)}};
}

void write_learned_concept(const std::filesystem::path& file, const learned_concept& learned,
                           const std::map<std::string, std::string>& metadata) {
  const at::Tensor vectors = learned.vectors.detach().to(at::kCPU, at::kFloat).contiguous();
  weights::require_finite(vectors, file, learned.token);
  if (learned.widths.size() == 2) {
    std::map<std::string, std::string> named = metadata;
    named["name"] = learned.token;
    const std::vector<at::Tensor> parts = vectors.split_with_sizes(learned.widths, /*dim=*/1);
    weights::write_safetensors(file, {{of_first, parts[0].contiguous()}, {of_second, parts[1].contiguous()}},
                               named);
    return;
  }
  // diffusers takes a matrix for several vectors and wants a plain vector for one.
  weights::write_safetensors(file, {{learned.token, vectors.size(0) == 1 ? vectors[0] : vectors}}, metadata);
  weights::write_safetensors(a1111_form_of(file), {{"emb_params", vectors}}, metadata);
}

std::filesystem::path a1111_form_of(const std::filesystem::path& file) {
  return file.parent_path() / (file.stem().string() + "_a1111.safetensors");
}

}  // namespace dvar::diffusion
