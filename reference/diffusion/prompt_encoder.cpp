#include "diffusion/prompt_encoder.hpp"

#include <algorithm>
#include <cctype>
#include <functional>
#include <iterator>

#include <fmt/format.h>

#include "device/phases.hpp"
#include "error.hpp"
#include "weights/messages.hpp"
#include "weights/safetensors.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::diffusion {
namespace {

/// Returns whether a byte is a letter or a digit of ASCII: other scripts may have no space between words.
bool is_of_word(char byte) {
  return std::isalnum(static_cast<unsigned char>(byte)) != 0;
}

/// Returns the first word of a prompt that has the token inside of it, in upper or lower case; the tokenizers would
/// take it out of there.
std::optional<std::string> word_around(std::string_view prompt, std::string_view token) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  for (auto found = prompt.begin(); !token.empty();) {
    found = std::search(found, prompt.end(), token.begin(), token.end(), same);
    if (found == prompt.end()) return std::nullopt;
    auto first = found;
    auto last = found + std::ssize(token);
    if (is_of_word(token.front()))
      while (first != prompt.begin() && is_of_word(*std::prev(first)))
        --first;
    if (is_of_word(token.back()))
      while (last != prompt.end() && is_of_word(*last))
        ++last;
    if (last - first != std::ssize(token)) return std::string{first, last};
    found = last;
  }
  return std::nullopt;
}

/// Returns a token that the model would take, as near to a text as may be.
std::string free_token(const text::tokenizer& tokenizer, const std::string& wish) {
  std::string name;
  for (const char byte : wish)
    if (is_of_word(byte) || (!name.empty() && name.back() != '-')) name += is_of_word(byte) ? byte : '-';
  if (name.ends_with('-')) name.pop_back();
  if (name.empty()) name = "thing";
  for (int number = 1;; ++number) {
    const std::string candidate =
        number == 1 ? fmt::format("<{}>", name) : fmt::format("<{}-{}>", name, number);
    try {
      text::tokenizer{tokenizer}.add_token(candidate);
      return candidate;
    } catch (const input_error&) {
      continue;  // it is there too
    }
  }
}

/// Begins the names of vectors in the files that A1111 and the first program of Textual Inversion pickle, whose other tensors
/// are ids of tokens.
constexpr std::string_view a1111_vectors = "string_to_param.";

std::vector<std::string> names_of_embeddings(const weights::tensor_file& stored) {
  std::vector<std::string> names = stored.names();
  const auto is_vectors = [](const std::string& name) { return name.starts_with(a1111_vectors); };
  if (std::ranges::any_of(names, is_vectors)) std::erase_if(names, std::not_fn(is_vectors));
  return names;
}

}  // namespace

learned_concept read_learned_concept(const std::filesystem::path& file) {
  const weights::tensor_file stored{file};
  const std::vector<std::string> names = names_of_embeddings(stored);
  if (stored.contains("clip_l") || stored.contains("clip_g")) {
    throw input_error(fmt::format(
        "{}: expected the embedding of a token for one text encoder, found one of Stable Diffusion XL (clip_l, clip_g)",
        file.string()));
  }
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
  weights::require_finite(vectors, file, names.front());
  const bool is_a1111 = names.front() == "emb_params" || names.front().starts_with(a1111_vectors);
  const auto named = stored.metadata().find("name");
  const std::string a1111_name =
      named != stored.metadata().end() && !named->second.empty() ? named->second : file.stem().string();
  return {.token = is_a1111 ? a1111_name : names.front(), .vectors = vectors.clone()};
}

void write_learned_concept(const std::filesystem::path& file, const learned_concept& learned,
                           const std::map<std::string, std::string>& metadata) {
  const at::Tensor vectors = learned.vectors.detach().to(at::kCPU, at::kFloat).contiguous();
  weights::require_finite(vectors, file, learned.token);
  // diffusers takes a matrix for several vectors and wants a plain vector for one.
  weights::write_safetensors(file, {{learned.token, vectors.size(0) == 1 ? vectors[0] : vectors}}, metadata);
  weights::write_safetensors(a1111_form_of(file), {{"emb_params", vectors}}, metadata);
}

std::filesystem::path a1111_form_of(const std::filesystem::path& file) {
  return file.parent_path() / (file.stem().string() + "_a1111.safetensors");
}

prompt_encoder::prompt_encoder(const latent_diffusion& model) : model_{&model}, tokenizer_{model.tokenizer} {}

prompt_encoder::prompt_encoder(const latent_diffusion& model, const std::string& token, std::int64_t vectors)
    : model_{&model}, tokenizer_{model.tokenizer}, token_{token} {
  if (vectors > room()) {
    throw input_error(fmt::format(
        "the token '{}': expected at most {} vectors, as many as the model reads of a prompt, found {}",
        token, room(), vectors));
  }
  for (std::int64_t i = 0; i < vectors; ++i) {
    const std::string part = i == 0 ? token : fmt::format("{}_{}", token, i);
    const std::vector<std::int64_t> ids = tokenizer_.encode_text(part);
    if (ids.size() == 1 && tokenizer_.is_whole_word(ids.front())) {
      throw input_error(
          fmt::format("the token '{}': expected a new one, found a word of the model; '{}' is free", part,
                      free_token(model.tokenizer, token)));
    }
    try {
      parts_.push_back(tokenizer_.add_token(part));
    } catch (const input_error& error) {
      throw input_error(fmt::format("{}; '{}' is free", error.what(), free_token(model.tokenizer, token)));
    }
  }
}

std::vector<std::int64_t> prompt_encoder::expanded(const std::string& prompt) const {
  std::vector<std::int64_t> ids;
  for (const std::int64_t id : tokenizer_.encode_text(prompt))
    if (!parts_.empty() && id == parts_.front())
      ids.insert(ids.end(), parts_.begin(), parts_.end());
    else
      ids.push_back(id);
  return ids;
}

std::int64_t prompt_encoder::end_of_token(const std::vector<std::int64_t>& ids) const {
  if (parts_.empty()) return 0;
  const auto last = std::ranges::find(ids, parts_.back());
  return last == ids.end() ? 0 : last - ids.begin() + 1;
}

at::Tensor prompt_encoder::ids(const std::vector<std::string>& prompts) const {
  std::vector<at::Tensor> rows;
  for (const std::string& prompt : prompts) {
    std::vector<std::int64_t> row = expanded(prompt);
    row.resize(std::min(row.size(), static_cast<std::size_t>(room())));
    row.insert(row.begin(), tokenizer_.first_id());
    row.push_back(tokenizer_.last_id());
    row.resize(static_cast<std::size_t>(tokenizer_.max_length()), tokenizer_.pad_id());
    rows.push_back(torch::tensor(row));
  }
  return at::stack(rows).to(model_->placement.device);
}

std::optional<std::string> prompt_encoder::problem_of(const std::string& prompt) const {
  if (const std::optional<std::string> word = word_around(prompt, token_)) {
    return fmt::format(
        "expected the token {} by itself, found it inside of the word {}; choose one such as <{}>", token_,
        weights::in_quotes(*word), token_);
  }
  const std::int64_t end = end_of_token(expanded(prompt));
  if (end <= room()) return std::nullopt;
  return fmt::format(
      "expected the token {} within the {} tokens that the model reads, found {} at {}", token_, room(),
      parts_.size() == 1 ? "it" : fmt::format("the last of its {} vectors", parts_.size()), end);
}

void prompt_encoder::check(const std::string& prompt) const {
  if (const std::optional<std::string> problem = problem_of(prompt))
    throw input_error(fmt::format("the prompt {}: {}", weights::in_quotes(prompt), *problem));
}

bool prompt_encoder::is_cut(const std::string& prompt) const {
  return static_cast<std::int64_t>(expanded(prompt).size()) > room();
}

bool prompt_encoder::has_token(const std::string& prompt) const {
  const std::int64_t end = end_of_token(expanded(prompt));
  return end > 0 && end <= room();
}

at::Tensor prompt_encoder::states(const at::Tensor& ids, const at::Tensor& vectors) const {
  const device::phase part{"text"};
  return model_->text_encoder.encode(model_->text_encoder.embed(ids, vectors));
}

}  // namespace dvar::diffusion
