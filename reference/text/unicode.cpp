#include "text/unicode.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>

#include "error.hpp"

namespace dvar::text {
namespace {

icu::UnicodeString to_icu(std::string_view utf8) {
  constexpr std::size_t longest = 1'000'000'000;  // ICU counts in 32 bits
  if (utf8.size() > longest)
    throw input_error(fmt::format("expected a text of at most 1 GB, found {} bytes", utf8.size()));
  return icu::UnicodeString::fromUTF8({utf8.data(), static_cast<std::int32_t>(utf8.size())});
}

std::u32string from_icu(const icu::UnicodeString& text) {
  std::u32string code_points;
  code_points.reserve(static_cast<std::size_t>(text.length()));
  for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1))
    code_points.push_back(static_cast<char32_t>(text.char32At(i)));
  return code_points;
}

bool has_category(char32_t code_point, std::uint32_t mask) {
  return (U_MASK(u_charType(static_cast<UChar32>(code_point))) & mask) != 0;
}

bool is_older(char32_t code_point, unicode_version version) {
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(code_point), age);
  return age[0] != 0 && age[0] <= static_cast<int>(version);
}

/// Returns the characters that a version has.
const icu::UnicodeSet& characters_of(unicode_version version) {
  const auto make = [](const char* pattern) {
    UErrorCode status = U_ZERO_ERROR;
    icu::UnicodeSet set(icu::UnicodeString::fromUTF8(pattern), status);
    if (U_FAILURE(status)) throw std::runtime_error(fmt::format("ICU: {}", u_errorName(status)));
    set.freeze();
    return set;
  };
  static const icu::UnicodeSet v8 = make("[:age=8.0:]");
  static const icu::UnicodeSet v9 = make("[:age=9.0:]");
  return version == unicode_version::v8 ? v8 : v9;
}

std::u32string normalized(std::u32string_view text, unicode_version version,
                          const icu::Normalizer2* (*form)(UErrorCode&)) {
  const auto given = icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(text.data()),
                                                   static_cast<std::int32_t>(text.size()));
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeString made;
  if (const auto* whole = form(status); U_SUCCESS(status))
    icu::FilteredNormalizer2(*whole, characters_of(version)).normalize(given, made, status);
  if (U_FAILURE(status)) throw std::runtime_error(fmt::format("ICU: {}", u_errorName(status)));
  return from_icu(made);
}

}  // namespace

std::u32string decode_utf8(std::string_view utf8) {
  return from_icu(to_icu(utf8));
}

void append_utf8(std::string& utf8, char32_t code_point) {
  icu::UnicodeString(static_cast<UChar32>(code_point)).toUTF8String(utf8);
}

std::string encode_utf8(std::u32string_view code_points) {
  std::string utf8;
  utf8.reserve(code_points.size());
  for (const auto code_point : code_points)
    append_utf8(utf8, code_point);
  return utf8;
}

std::pair<char32_t, std::size_t> front_of_utf8(std::string_view utf8) {
  const char32_t lead = static_cast<unsigned char>(utf8.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (length == 1) return {lead, 1};
  auto code_point = lead & (0x7fU >> length);
  for (const auto byte : utf8.substr(1, length - 1))
    code_point = code_point << 6 | (static_cast<unsigned char>(byte) & 0x3fU);
  return {code_point, std::min(length, utf8.size())};
}

std::u32string compose(std::u32string_view text, unicode_version version) {
  return normalized(text, version, icu::Normalizer2::getNFCInstance);
}

std::u32string decompose(std::u32string_view text, unicode_version version) {
  return normalized(text, version, icu::Normalizer2::getNFDInstance);
}

bool is_control(char32_t code_point, unicode_version version) {
  return has_category(code_point, U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK) &&
         is_older(code_point, version);
}

bool is_nonspacing_mark(char32_t code_point, unicode_version version) {
  return has_category(code_point, U_GC_MN_MASK) && is_older(code_point, version);
}

bool is_punctuation(char32_t code_point, unicode_version version) {
  return has_category(code_point, U_GC_P_MASK) && is_older(code_point, version);
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
  // One code point alone has a lower-case form of two: I with dot above.
  if (code_point == U'\u0130')
    text += U"i\u0307";
  else
    text.push_back(static_cast<char32_t>(u_tolower(static_cast<UChar32>(code_point))));
}

}  // namespace dvar::text
