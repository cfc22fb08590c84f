#include "text/bert_words.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "text/unicode.hpp"

namespace dvar::text {
namespace {

// Characters that have changed their category since Unicode 8.
constexpr char32_t canadian_syllabics_chi_sign = U'\u166d';  // was punctuation, is a symbol
constexpr char32_t sharada_sandhi_mark = U'\U000111c9';      // was punctuation, is a non-spacing mark
constexpr char32_t hanunoo_sign_pamudpod = U'\u1734';        // was a non-spacing mark, is a spacing one
// These were letters and a spacing mark, and are non-spacing marks.
constexpr std::array<char32_t, 4> marks_since{0x1885, 0x1886, 0xa9bd, sharada_sandhi_mark};

bool is_dropped(char32_t code_point) {
  if (code_point == U'\t' || code_point == U'\n' || code_point == U'\r') return false;
  return code_point == 0 || code_point == U'\ufffd' || is_control(code_point, unicode_version::v8);
}

bool is_ideograph(char32_t code_point) {
  // As BERT's code has them; the sixth should begin at U+2B820, and the tokenizers library has this instead.
  constexpr std::array<std::pair<char32_t, char32_t>, 7> blocks{{{0x4e00, 0x9fff},
                                                                 {0x3400, 0x4dbf},
                                                                 {0x20000, 0x2a6df},
                                                                 {0x2a700, 0x2b81f},
                                                                 {0x2b920, 0x2ceaf},
                                                                 {0xf900, 0xfaff},
                                                                 {0x2f800, 0x2fa1f}}};
  return std::ranges::any_of(
      blocks, [=](const auto& block) { return code_point >= block.first && code_point <= block.second; });
}

bool is_accent(char32_t code_point) {
  if (code_point == hanunoo_sign_pamudpod) return true;
  return is_nonspacing_mark(code_point, unicode_version::v8) &&
         std::ranges::find(marks_since, code_point) == marks_since.end();
}

bool is_bert_punctuation(char32_t code_point) {
  if (code_point < 0x80)
    return code_point > U' ' && code_point < 0x7f && !is_letter(code_point) && !is_number(code_point);
  return code_point == canadian_syllabics_chi_sign || code_point == sharada_sandhi_mark ||
         is_punctuation(code_point, unicode_version::v8);
}

}  // namespace

std::string normalize_for_bert(std::string_view utf8, const bert_normalization& form) {
  std::u32string text;
  for (const auto code_point : decode_utf8(utf8)) {
    if (is_dropped(code_point)) continue;
    if (is_space(code_point))
      text.push_back(U' ');
    else if (form.space_ideographs && is_ideograph(code_point))
      text.append({U' ', code_point, U' '});
    else
      text.push_back(code_point);
  }
  if (form.strip_accents) {
    text = decompose(text, unicode_version::v9);
    std::erase_if(text, is_accent);
  }
  if (!form.lower_case) return encode_utf8(text);
  std::u32string lowered;
  for (const auto code_point : text)
    append_lower(lowered, code_point);
  return encode_utf8(lowered);
}

std::vector<std::string_view> split_bert_words(std::string_view normalized) {
  std::vector<std::string_view> words;
  std::size_t start = 0;  // of the word that is not yet complete
  const auto finish_word = [&](std::size_t end) {
    if (end > start) words.push_back(normalized.substr(start, end - start));
  };
  for (std::size_t place = 0; place < normalized.size();) {
    const auto [code_point, bytes] = front_of_utf8(normalized.substr(place));
    const bool space = is_space(code_point);
    if (space || is_bert_punctuation(code_point)) {
      finish_word(place);
      if (!space) words.push_back(normalized.substr(place, bytes));
      start = place + bytes;
    }
    place += bytes;
  }
  finish_word(normalized.size());
  return words;
}

}  // namespace dvar::text
