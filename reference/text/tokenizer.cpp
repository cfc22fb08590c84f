#include "text/tokenizer.hpp"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "error.hpp"
#include "text/clip_tokenizer.hpp"
#include "text/tokenizer_files.hpp"
#include "text/unicode.hpp"
#include "text/wordpiece_tokenizer.hpp"
#include "weights/messages.hpp"

namespace dvar::text {

using weights::in_quotes;

tokenizer tokenizer::from_directory(const std::filesystem::path& directory) {
  const tokenizer_files files = tokenizer_files::open(directory);
  if (holds_wordpiece(files)) return wordpiece_tokenizer::from_files(files);
  return clip_tokenizer::from_files(files);
}

tokenizer::tokenizer(parts given, const std::string& location)
    : vocabulary_(std::move(given.entries)), words_(std::move(given.words)), max_length_(given.max_length) {
  for (auto token = given.added.begin(); token != given.added.end(); ++token) {
    const bool replaced = std::any_of(token + 1, given.added.end(), [&](const added_token& later) {
      return later.content == token->content;
    });
    if (!replaced && !token->content.empty()) register_added(*token);
  }
  first_ = vocabulary_.require(given.first.role, given.first.token, location);
  last_ = vocabulary_.require(given.last.role, given.last.token, location);
  pad_ = vocabulary_.require(given.pad.role, given.pad.token, location);
  if (max_length_ < 2)
    throw input_error(
        fmt::format("{}: model_max_length: expected at least 2, found {}", location, max_length_));
}

std::int64_t tokenizer::register_added(added_token token) {
  token.id = vocabulary_.add(token.content);
  if (token.normalized) token.content = words_->normalize(token.content);
  (token.normalized ? normalized_ : raw_).add(token);
  return token.id;
}

const added_token* tokenizer::find_added(std::int64_t id) const {
  for (const auto* matcher : {&raw_, &normalized_}) {
    const auto found = std::ranges::find(matcher->tokens(), id, &added_token::id);
    if (found != matcher->tokens().end()) return &*found;
  }
  return nullptr;
}

std::int64_t tokenizer::add_token(std::string_view token) {
  const auto refuse_token = [&](std::string_view why) {
    throw input_error(fmt::format("token {}: {}", in_quotes(token), why));
  };
  if (token.empty()) refuse_token("expected at least one character");
  const auto code_points = decode_utf8(token);
  if (encode_utf8(code_points) != token) refuse_token("expected valid UTF-8");
  if (std::ranges::any_of(code_points, is_space)) refuse_token("expected no white space in it");
  if (id(token)) refuse_token("is in the vocabulary already; choose another name");
  const auto normalized = words_->normalize(token);
  if (normalized.empty()) refuse_token("expected a character that the tokenizer does not drop");
  for (const auto* matcher : {&raw_, &normalized_}) {
    for (const auto& other : matcher->tokens()) {
      if (words_->normalize(other.content) == normalized) {
        refuse_token(
            fmt::format("is the same as {} for the tokenizer, which lower-cases text; choose another name",
                        in_quotes(vocabulary_.token(other.id))));
      }
    }
  }
  return register_added({.content = std::string(token)});
}

void tokenizer::limit_length(std::int64_t length) {
  if (length < 2) {
    throw input_error(
        fmt::format("prompts: expected a length of at least 2 tokens, the two ends, found {}", length));
  }
  max_length_ = std::min(max_length_, length);
}

std::vector<std::int64_t> tokenizer::encode_text(std::string_view utf8) const {
  std::vector<std::int64_t> ids;
  const auto take = [&](std::int64_t id) { ids.push_back(id); };
  raw_.cut(
      utf8,
      [&](std::string_view part) {
        normalized_.cut(
            words_->normalize(part), [&](std::string_view words) { words_->encode(words, ids); }, take);
      },
      take);
  return ids;
}

std::vector<std::int64_t> tokenizer::encode(std::string_view utf8) const {
  auto ids = encode_text(utf8);
  ids.resize(std::min(ids.size(), static_cast<std::size_t>(max_length_ - 2)));
  ids.insert(ids.begin(), first_);
  ids.push_back(last_);
  return ids;
}

std::vector<std::int64_t> tokenizer::encode_padded(std::string_view utf8) const {
  auto ids = encode(utf8);
  ids.resize(static_cast<std::size_t>(max_length_), pad_);
  return ids;
}

std::string tokenizer::readable(std::int64_t id) const {
  const auto& spelling = token(id);
  return find_added(id) != nullptr ? spelling : words_->readable(spelling);
}

bool tokenizer::is_whole_word(std::int64_t id) const {
  return words_->is_whole_word(token(id)) && find_added(id) == nullptr;
}

bool tokenizer::is_special(std::int64_t id) const {
  const auto* added = find_added(id);
  return added != nullptr && added->special;
}

}  // namespace dvar::text
