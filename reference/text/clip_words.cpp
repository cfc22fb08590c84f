#include "text/clip_words.hpp"

#include <cstddef>

#include "text/unicode.hpp"

namespace dvar::text {
namespace {

enum class character_kind { space, letter, number, other };

character_kind kind_of(char32_t code_point) {
  if (is_letter(code_point)) return character_kind::letter;
  if (is_number(code_point)) return character_kind::number;
  return is_space(code_point) ? character_kind::space : character_kind::other;
}

/// Counts the bytes of the characters of one kind at the front.
std::size_t run_length(std::string_view text, character_kind kind) {
  std::size_t length = 0;
  while (length < text.size()) {
    const auto [code_point, bytes] = front_of_utf8(text.substr(length));
    if (kind_of(code_point) != kind) break;
    length += bytes;
  }
  return length;
}

/// Returns how many bytes a contraction's ending at the front has, or 0.
std::size_t contraction_length(std::string_view text) {
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (text.starts_with(ending)) return ending.size();
  return 0;
}

/// Returns the name in the brackets `<|` and `|>` of a special token at the front, or nothing.
std::string_view bracketed_name(std::string_view text) {
  constexpr std::string_view start = "<|startoftext|>", end = "<|endoftext|>";
  for (const auto special : {start, end})
    if (text.starts_with(special)) return text.substr(2, special.size() - 4);
  return {};
}

}  // namespace

std::string normalize_for_clip(std::string_view utf8) {
  std::u32string lowered;
  bool after_space = false;
  for (const auto code_point : compose(decode_utf8(utf8), unicode_version::v9)) {
    const bool space = is_space(code_point);
    if (!space)
      append_lower(lowered, code_point);
    else if (!after_space)
      lowered.push_back(U' ');
    after_space = space;
  }
  return encode_utf8(lowered);
}

std::vector<std::string_view> split_clip_words(std::string_view normalized) {
  std::vector<std::string_view> words;
  const auto take = [&](std::size_t length) {
    words.push_back(normalized.substr(0, length));
    normalized.remove_prefix(length);
  };
  while (!normalized.empty()) {
    if (const auto name = bracketed_name(normalized); !name.empty()) {
      take(2);
      take(name.size());
      take(2);
      continue;
    }
    if (const auto length = contraction_length(normalized); length > 0) {
      take(length);
      continue;
    }
    const auto [code_point, bytes] = front_of_utf8(normalized);
    switch (const auto kind = kind_of(code_point)) {
      case character_kind::space:
        normalized.remove_prefix(bytes);
        break;
      case character_kind::number:
        take(bytes);
        break;
      case character_kind::letter:
      case character_kind::other:
        take(run_length(normalized, kind));
        break;
    }
  }
  return words;
}

}  // namespace dvar::text
