#include "diffusion/prompt_encoder.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>

#include "device/phases.hpp"
#include "error.hpp"
#include "weights/messages.hpp"

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

}  // namespace

void prompt_encoder::reader::add(const std::string& token, std::int64_t vectors) {
  const text::tokenizer before = tokenizer;
  if (vectors > room()) {
    throw input_error(fmt::format(
        "the token '{}': expected at most {} vectors, as many as the model reads of a prompt, found {}",
        token, room(), vectors));
  }
  std::vector<std::int64_t>& parts = tokens.emplace_back();
  for (std::int64_t i = 0; i < vectors; ++i) {
    const std::string part = i == 0 ? token : fmt::format("{}_{}", token, i);
    const std::vector<std::int64_t> ids = tokenizer.encode_text(part);
    if (ids.size() == 1 && tokenizer.is_whole_word(ids.front())) {
      throw input_error(
          fmt::format("the token '{}': expected a new one, found a word of the model; '{}' is free", part,
                      free_token(before, token)));
    }
    try {
      parts.push_back(tokenizer.add_token(part));
    } catch (const input_error& error) {
      throw input_error(fmt::format("{}; '{}' is free", error.what(), free_token(before, token)));
    }
  }
}

std::vector<std::int64_t> prompt_encoder::reader::expanded(const std::string& prompt) const {
  std::vector<std::int64_t> ids;
  for (const std::int64_t id : tokenizer.encode_text(prompt)) {
    const auto token = std::ranges::find_if(tokens, [&](const auto& parts) { return parts.front() == id; });
    if (token != tokens.end())
      ids.insert(ids.end(), token->begin(), token->end());
    else
      ids.push_back(id);
  }
  return ids;
}

std::vector<std::int64_t> prompt_encoder::reader::row(const std::string& prompt) const {
  std::vector<std::int64_t> row = expanded(prompt);
  row.resize(std::min(row.size(), static_cast<std::size_t>(room())));
  row.insert(row.begin(), tokenizer.first_id());
  row.push_back(tokenizer.last_id());
  row.resize(static_cast<std::size_t>(tokenizer.max_length()), tokenizer.pad_id());
  return row;
}

std::int64_t prompt_encoder::reader::end_of_token(const std::string& prompt, std::size_t token) const {
  const std::vector<std::int64_t> ids = expanded(prompt);
  const auto last = std::ranges::find(ids, tokens.at(token).back());
  return last == ids.end() ? 0 : last - ids.begin() + 1;
}

prompt_encoder::prompt_encoder(const latent_diffusion& model) : model_{&model} {
  readers_.push_back({model.tokenizer});
  if (model.second_tokenizer) readers_.push_back({*model.second_tokenizer});
}

prompt_encoder::prompt_encoder(const latent_diffusion& model, const std::string& token, std::int64_t vectors)
    : prompt_encoder{model} {
  add(token, vectors);
}

void prompt_encoder::add(const std::string& token, std::int64_t vectors) {
  for (reader& each : readers_)
    each.add(token, vectors);
  tokens_.push_back(token);
}

const std::string& prompt_encoder::token() const {
  static const std::string none;
  return tokens_.empty() ? none : tokens_.front();
}

prompt_encoder prompt_encoder::of(const latent_diffusion& model) const {
  prompt_encoder result = *this;
  result.model_ = &model;
  return result;
}

at::Tensor prompt_encoder::ids(const std::vector<std::string>& prompts) const {
  std::vector<at::Tensor> rows;
  for (const std::string& prompt : prompts) {
    std::vector<std::int64_t> row;
    for (const reader& each : readers_) {
      const std::vector<std::int64_t> own = each.row(prompt);
      row.insert(row.end(), own.begin(), own.end());
    }
    rows.push_back(torch::tensor(row));
  }
  return at::stack(rows).to(model_->placement.device);
}

std::optional<std::string> prompt_encoder::problem_of(const std::string& prompt) const {
  for (std::size_t token = 0; token < tokens_.size(); ++token) {
    const std::string& name = tokens_[token];
    if (const std::optional<std::string> word = word_around(prompt, name)) {
      return fmt::format(
          "expected the token {} by itself, found it inside of the word {}; choose one such as <{}>", name,
          weights::in_quotes(*word), name);
    }
    for (const reader& each : readers_) {
      const std::int64_t end = each.end_of_token(prompt, token);
      if (end <= each.room()) continue;
      const std::size_t vectors = each.tokens[token].size();
      return fmt::format("expected the token {} within the {} tokens that the model reads, found {} at {}",
                         name, each.room(),
                         vectors == 1 ? "it" : fmt::format("the last of its {} vectors", vectors), end);
    }
  }
  return std::nullopt;
}

void prompt_encoder::check(const std::string& prompt) const {
  if (const std::optional<std::string> problem = problem_of(prompt))
    throw input_error(fmt::format("the prompt {}: {}", weights::in_quotes(prompt), *problem));
}

bool prompt_encoder::is_cut(const std::string& prompt) const {
  return std::ranges::any_of(readers_, [&](const reader& each) {
    return static_cast<std::int64_t>(each.expanded(prompt).size()) > each.room();
  });
}

bool prompt_encoder::has_token(const std::string& prompt, std::string_view token) const {
  const auto found = std::ranges::find(tokens_, token);
  if (found == tokens_.end()) throw std::out_of_range{"prompt_encoder: no such token"};
  const auto number = static_cast<std::size_t>(found - tokens_.begin());
  return std::ranges::all_of(readers_, [&](const reader& each) {
    const std::int64_t end = each.end_of_token(prompt, number);
    return end > 0 && end <= each.room();
  });
}

models::conditioning prompt_encoder::states(const prompt_inputs& prompts, const at::Tensor& vectors) const {
  const device::phase part{"text"};
  models::conditioning encoded = model_->text_encoder.encode(prompts.ids, vectors, prompts.dropout_keys);
  if (encoded.pooled.defined())
    encoded.sizes =
        prompts.sizes.defined() ? prompts.sizes : model_->own_sizes().expand({prompts.ids.size(0), -1});
  return encoded;
}

models::conditioning prompt_encoder::no_prompt(const at::Tensor& vectors) const {
  models::conditioning empty = states(ids({""}), vectors);
  return model_->no_prompt_is_zero ? empty.without_text() : empty;
}

}  // namespace dvar::diffusion
