#include "text/unicode.hpp"

#include "error.hpp"

#include <fmt/format.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <stdexcept>

namespace dvar::text {
namespace {

icu::UnicodeString to_icu(std::string_view utf8) {
  constexpr std::size_t longest = 1'000'000'000;  // ICU counts in 32 bits
  if (utf8.size() > longest) {
    throw input_error(fmt::format("expected a text of at most 1 GB, found {} bytes", utf8.size()));
  }
  return icu::UnicodeString::fromUTF8({utf8.data(), static_cast<std::int32_t>(utf8.size())});
}

std::u32string from_icu(const icu::UnicodeString& text) {
  std::u32string code_points;
  code_points.reserve(static_cast<std::size_t>(text.length()));
  for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    code_points.push_back(static_cast<char32_t>(text.char32At(i)));
  }
  return code_points;
}

bool has_category(char32_t code_point, std::uint32_t mask) {
  return (U_MASK(u_charType(static_cast<UChar32>(code_point))) & mask) != 0;
}

}  // namespace

std::u32string decode_utf8(std::string_view utf8) {
  return from_icu(to_icu(utf8));
}

void append_utf8(std::string& utf8, char32_t code_point) {
  icu::UnicodeString(static_cast<UChar32>(code_point)).toUTF8String(utf8);
}

std::u32string decode_nfc(std::string_view utf8) {
  UErrorCode status = U_ZERO_ERROR;
  const auto* form_c = icu::Normalizer2::getNFCInstance(status);
  const auto composed = U_SUCCESS(status) ? form_c->normalize(to_icu(utf8), status) : icu::UnicodeString();
  if (U_FAILURE(status)) throw std::runtime_error(fmt::format("ICU: {}", u_errorName(status)));
  return from_icu(composed);
}

bool is_letter(char32_t code_point) {
  return has_category(code_point, U_GC_L_MASK);
}

bool is_number(char32_t code_point) {
  return has_category(code_point, U_GC_N_MASK);
}

bool is_space(char32_t code_point) {
  return u_isUWhiteSpace(static_cast<UChar32>(code_point)) != 0;
}

bool is_word(char32_t code_point) {
  const auto c = static_cast<UChar32>(code_point);
  return u_isUAlphabetic(c) != 0 || has_category(code_point, U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK) ||
         u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL) != 0;
}

void append_lower(std::u32string& text, char32_t code_point) {
  // The one code point whose lower-case form is two: I with dot above.
  if (code_point == U'\u0130') {
    text += U"i\u0307";
  } else {
    text.push_back(static_cast<char32_t>(u_tolower(static_cast<UChar32>(code_point))));
  }
}

}  // namespace dvar::text
