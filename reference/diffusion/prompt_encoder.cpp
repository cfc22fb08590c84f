#include "diffusion/prompt_encoder.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "error.hpp"
#include "weights/pickle.hpp"
#include "weights/safetensors.hpp"

namespace dvar::diffusion {

learned_concept read_learned_concept(const std::filesystem::path& file) {
  weights::refuse_pickle(file, weights::pickled::embedding);
  const weights::safetensors_file stored{file};
  const std::vector<std::string> names = stored.names();
  if (names.size() != 1) {
    throw input_error(fmt::format("{}: expected one tensor, the embedding of a token, found {}",
                                  file.string(), names.size()));
  }
  at::Tensor vectors = stored.tensor(names.front()).to(at::kFloat);
  if (vectors.dim() == 1) vectors = vectors.unsqueeze(0);
  if (vectors.dim() != 2 || vectors.size(0) < 1) {
    throw input_error(fmt::format("{}: '{}': expected shape [width] or [vectors, width], found {}",
                                  file.string(), names.front(),
                                  weights::to_string(stored.tensor(names.front()).sizes())));
  }
  const bool is_a1111 = names.front() == "emb_params";
  return {.token = is_a1111 ? file.stem().string() : names.front(), .vectors = vectors.clone()};
}

void write_learned_concept(const std::filesystem::path& file, const learned_concept& learned) {
  const at::Tensor vectors = learned.vectors.detach().to(at::kCPU, at::kFloat).contiguous();
  // diffusers takes a matrix for several vectors and wants a plain vector for one.
  weights::write_safetensors(file, {{learned.token, vectors.size(0) == 1 ? vectors[0] : vectors}});
  weights::write_safetensors(a1111_form_of(file), {{"emb_params", vectors}});
}

std::filesystem::path a1111_form_of(const std::filesystem::path& file) {
  return file.parent_path() / (file.stem().string() + "_a1111.safetensors");
}

prompt_encoder::prompt_encoder(const latent_diffusion& model) : model_{&model}, tokenizer_{model.tokenizer} {}

prompt_encoder::prompt_encoder(const latent_diffusion& model, const std::string& token, std::int64_t vectors)
    : model_{&model}, tokenizer_{model.tokenizer}, token_{token} {
  for (std::int64_t i = 0; i < vectors; ++i) {
    const std::string part = i == 0 ? token : fmt::format("{}_{}", token, i);
    const std::vector<std::int64_t> ids = tokenizer_.encode_text(part);
    if (ids.size() == 1 && tokenizer_.is_whole_word(ids.front())) {
      throw input_error(fmt::format(
          "the token '{}': expected a new one, found a word of the model; '<{}>' is free", part, part));
    }
    tokenizer_.add_token(part);
    expansion_ += (i == 0 ? "" : " ") + part;
  }
}

std::string prompt_encoder::expanded(std::string prompt) const {
  if (expansion_ == token_) return prompt;
  for (std::size_t at = 0; (at = prompt.find(token_, at)) != std::string::npos; at += expansion_.size())
    prompt.replace(at, token_.size(), expansion_);
  return prompt;
}

at::Tensor prompt_encoder::ids(const std::vector<std::string>& prompts) const {
  std::vector<at::Tensor> rows;
  for (const std::string& prompt : prompts)
    rows.push_back(torch::tensor(tokenizer_.encode_padded(expanded(prompt))));
  return at::stack(rows).to(model_->placement.device);
}

bool prompt_encoder::is_cut(const std::string& prompt) const {
  const auto ends = 2;
  return static_cast<std::int64_t>(tokenizer_.encode_text(expanded(prompt)).size()) + ends >
         tokenizer_.max_length();
}

bool prompt_encoder::has_token(const std::string& prompt) const {
  const std::vector<std::int64_t> read = tokenizer_.encode(expanded(prompt));
  const auto token = tokenizer_.id(token_);
  return token && std::ranges::find(read, *token) != read.end();
}

at::Tensor prompt_encoder::states(const at::Tensor& ids, const at::Tensor& vectors) const {
  return model_->text_encoder.encode(model_->text_encoder.embed(ids, vectors));
}

}  // namespace dvar::diffusion
