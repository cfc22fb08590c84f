#include "text/clip_tokenizer.hpp"

#include "error.hpp"
#include "text/byte_alphabet.hpp"
#include "text/clip_words.hpp"
#include "text/unicode.hpp"
#include "weights/messages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace dvar::text {
namespace {

using weights::in_quotes;

/// id → token. Every id from 0 to the greatest must occur once: each is a row of the embedding.
std::vector<std::string> tokens_by_id(const std::unordered_map<std::string, std::int64_t>& vocabulary,
                                      const std::string& where) {
  std::vector<std::string> tokens(vocabulary.size());
  std::vector<bool> taken(vocabulary.size());
  for (const auto& [token, id] : vocabulary) {
    if (id < 0 || id >= static_cast<std::int64_t>(tokens.size())) {
      throw input_error(fmt::format("{}: token {}: expected an id of 0 to {}, found {}", where,
                                    in_quotes(token), static_cast<std::int64_t>(tokens.size()) - 1, id));
    }
    const auto index = static_cast<std::size_t>(id);
    if (taken[index]) {
      throw input_error(fmt::format("{}: tokens {} and {} have the same id {}", where,
                                    in_quotes(std::min(tokens[index], token)),
                                    in_quotes(std::max(tokens[index], token)), id));
    }
    taken[index] = true;
    tokens[index] = token;
  }
  return tokens;
}

}  // namespace

clip_tokenizer::clip_tokenizer(clip_tokenizer_data data, const std::string& where)
    : tokens_(tokens_by_id(data.vocabulary, where)),
      ids_(std::move(data.vocabulary)),
      max_length_(data.max_length) {
  const auto find = [&](std::string_view role, const std::string& token) {
    const auto found = id(token);
    if (!found) {
      throw input_error(
          fmt::format("{}: {}: expected a token of the vocabulary, found {}", where, role, in_quotes(token)));
    }
    return *found;
  };
  encoding_ = byte_pair_encoding(ids_, data.merges, find("unk_token", data.unk), where);
  // Of equal ones the last counts.
  for (auto token = data.added.begin(); token != data.added.end(); ++token) {
    const bool replaced = std::any_of(token + 1, data.added.end(), [&](const added_token& later) {
      return later.content == token->content;
    });
    if (!replaced && !token->content.empty()) register_added(*token);
  }
  bos_ = find("bos_token", data.bos);
  eos_ = find("eos_token", data.eos);
  pad_ = find("pad_token", data.pad);
  if (max_length_ < 2) {
    throw input_error(fmt::format("{}: model_max_length: expected at least 2, found {}", where, max_length_));
  }
}

std::int64_t clip_tokenizer::register_added(added_token token) {
  const auto [entry, is_new] = ids_.emplace(token.content, vocabulary_size());
  if (is_new) tokens_.push_back(token.content);
  token.id = entry->second;
  if (token.normalized) token.content = normalize_for_clip(token.content);
  (token.normalized ? normalized_ : raw_).add(token);
  return token.id;
}

const added_token* clip_tokenizer::find_added(std::int64_t id) const {
  for (const auto* matcher : {&raw_, &normalized_}) {
    const auto found = std::ranges::find(matcher->tokens(), id, &added_token::id);
    if (found != matcher->tokens().end()) return &*found;
  }
  return nullptr;
}

std::int64_t clip_tokenizer::add_token(std::string_view token) {
  const auto refuse = [&](std::string_view why) {
    throw input_error(fmt::format("token {}: {}", in_quotes(token), why));
  };
  if (token.empty()) refuse("expected at least one character");
  const auto code_points = decode_utf8(token);
  std::string valid;
  for (const auto code_point : code_points)
    append_utf8(valid, code_point);
  if (valid != token) refuse("expected valid UTF-8");
  if (std::ranges::any_of(code_points, is_space)) refuse("expected no white space in it");
  if (id(token)) refuse("is in the vocabulary already; choose another name");
  const auto normalized = normalize_for_clip(token);
  for (const auto* matcher : {&raw_, &normalized_}) {
    for (const auto& other : matcher->tokens()) {
      if (normalize_for_clip(other.content) == normalized) {
        refuse(fmt::format("is the same as {} for the tokenizer, which lower-cases text; choose another name",
                           in_quotes(tokens_[static_cast<std::size_t>(other.id)])));
      }
    }
  }
  return register_added({.content = std::string(token)});
}

std::vector<std::int64_t> clip_tokenizer::encode_text(std::string_view utf8) const {
  std::vector<std::int64_t> ids;
  const auto take = [&](std::int64_t id) { ids.push_back(id); };
  raw_.cut(
      utf8,
      [&](std::string_view part) {
        normalized_.cut(
            normalize_for_clip(part),
            [&](std::string_view words) {
              for (const auto word : split_clip_words(words))
                encoding_.encode(word, ids);
            },
            take);
      },
      take);
  return ids;
}

std::vector<std::int64_t> clip_tokenizer::encode(std::string_view utf8) const {
  auto ids = encode_text(utf8);
  ids.resize(std::min(ids.size(), static_cast<std::size_t>(max_length_ - 2)));
  ids.insert(ids.begin(), bos_);
  ids.push_back(eos_);
  return ids;
}

std::vector<std::int64_t> clip_tokenizer::encode_padded(std::string_view utf8) const {
  auto ids = encode(utf8);
  ids.resize(static_cast<std::size_t>(max_length_), pad_);
  return ids;
}

std::optional<std::int64_t> clip_tokenizer::id(std::string_view token) const {
  const auto found = ids_.find(std::string(token));
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const std::string& clip_tokenizer::token(std::int64_t id) const {
  return tokens_.at(static_cast<std::size_t>(id));
}

std::string clip_tokenizer::readable(std::int64_t id) const {
  std::string_view spelling = token(id);
  if (find_added(id) != nullptr) return std::string(spelling);
  if (spelling.ends_with(word_end)) spelling.remove_suffix(word_end.size());
  std::string bytes;
  for (const auto symbol : decode_utf8(spelling)) {
    if (const auto byte = byte_of(symbol)) bytes.push_back(static_cast<char>(*byte));
  }
  std::string text;
  for (const auto code_point : decode_utf8(bytes))
    append_utf8(text, code_point);
  return text;
}

bool clip_tokenizer::is_whole_word(std::int64_t id) const {
  return token(id).ends_with(word_end) && find_added(id) == nullptr;
}

bool clip_tokenizer::is_special(std::int64_t id) const {
  const auto* added = find_added(id);
  return added != nullptr && added->special;
}

}  // namespace dvar::text
