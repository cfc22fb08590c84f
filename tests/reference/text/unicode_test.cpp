#include "text/unicode.hpp"

#include <set>

#include <gtest/gtest.h>

#include "text/byte_alphabet.hpp"

namespace dvar::text {
namespace {

TEST(unicode_test, decodes_and_encodes_every_length) {
  const std::u32string points = U"a\u00e9\u20ac\U0001f431";
  std::string utf8;
  for (const auto point : points)
    append_utf8(utf8, point);
  EXPECT_EQ(utf8, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb1");
  EXPECT_EQ(decode_utf8(utf8), points);
}

// python -c "print(list(map(hex, map(ord,
// b'a\xffb\xe2\x82c\xed\xa0\x80\xc0\xaf'.decode(errors='replace')))))"
TEST(unicode_test, replaces_ill_formed_sequences) {
  EXPECT_EQ(decode_utf8("a\xff"
                        "b\xe2\x82"
                        "c\xed\xa0\x80\xc0\xaf"),
            U"a\ufffdb\ufffdc\ufffd\ufffd\ufffd\ufffd\ufffd");
  EXPECT_EQ(decode_utf8("\xf0\x9f\x90"), U"\ufffd");
  EXPECT_EQ(decode_utf8(std::string_view("\0", 1)), std::u32string(1, U'\0'));
}

TEST(unicode_test, composes) {
  EXPECT_EQ(compose(U"e\u0301\u1100\u1161", unicode_version::v9), U"\u00e9\uac00");
}

TEST(unicode_test, decomposes) {
  EXPECT_EQ(decompose(U"\u00e9\uac00", unicode_version::v9), U"e\u0301\u1100\u1161");
}

// python -c "import tokenizers; print(ascii(tokenizers.normalizers.NFD().normalize_str('\u0345\u08d4 \u0345\u08d3')))"
TEST(unicode_test, leaves_later_versions_alone) {
  // Marks of class 230 and 220, which go before one of 240; they came with Unicode 9 and 11.
  EXPECT_EQ(decompose(U"\u0345\u08d4 \u0345\u08d3", unicode_version::v9), U"\u08d4\u0345 \u0345\u08d3");
  EXPECT_TRUE(is_nonspacing_mark(U'\u08d4', unicode_version::v9));
  EXPECT_FALSE(is_nonspacing_mark(U'\u08d4', unicode_version::v8));
  EXPECT_TRUE(is_control(U'\u00ad', unicode_version::v8));
  EXPECT_FALSE(is_control(U'\u08e2', unicode_version::v8));
  EXPECT_FALSE(is_control(U'\u0378', unicode_version::v9));  // not assigned
  EXPECT_TRUE(is_punctuation(U'\u2e42', unicode_version::v8));
  EXPECT_FALSE(is_punctuation(U'\u2e43', unicode_version::v8));
}

TEST(unicode_test, finds_the_character_at_the_front) {
  for (const auto point : U"a\u00e9\u20ac\U0001f431") {
    if (point == 0) continue;
    std::string utf8;
    append_utf8(utf8, point);
    EXPECT_EQ(front_of_utf8(utf8 + "x"), (std::pair{point, utf8.size()}));
  }
}

TEST(unicode_test, lowers_each_code_point_by_itself) {
  std::u32string text;
  for (const auto point : U"ÀΣ\u0130ß")
    if (point != 0) append_lower(text, point);
  EXPECT_EQ(text, U"àσi\u0307ß");
}

TEST(unicode_test, classifies) {
  EXPECT_TRUE(is_letter(U'ß') && is_letter(U'猫') && !is_letter(U'1') && !is_letter(U'\u0301'));
  EXPECT_TRUE(is_number(U'7') && is_number(U'½') && is_number(U'Ⅷ') && !is_number(U'a'));
  EXPECT_TRUE(is_space(U'\u00a0') && is_space(U'\u3000') && is_space(U'\x85') && !is_space(U'\u200b'));
  EXPECT_TRUE(is_word(U'_') && is_word(U'\u0301') && is_word(U'9') && !is_word(U'½') && !is_word(U'-'));
}

TEST(byte_alphabet_test, gives_each_byte_a_character_of_its_own_and_back) {
  std::set<std::string> symbols(byte_symbols().begin(), byte_symbols().end());
  EXPECT_EQ(symbols.size(), 256U);
  for (unsigned byte = 0; byte < 256; ++byte)
    EXPECT_EQ(byte_of(decode_utf8(byte_symbols()[byte])[0]), byte);
  EXPECT_EQ(byte_symbols()['a'], "a");
  EXPECT_EQ(byte_symbols()[' '], "Ġ");
  EXPECT_EQ(byte_symbols()[0xad], "Ń");
  EXPECT_EQ(byte_of(U'猫'), std::nullopt);
}

// The first ids of CLIP's vocabulary: "!" is 0, "~" is 93, "¡" 94, "ÿ" 187, and byte 0 follows as 188.
TEST(byte_alphabet_test, orders_printable_bytes_first) {
  const auto& order = vocabulary_byte_order();
  EXPECT_EQ(order[0], '!');
  EXPECT_EQ(order[93], '~');
  EXPECT_EQ(order[94], 0xa1);
  EXPECT_EQ(order[187], 0xff);
  EXPECT_EQ(order[188], 0);
  EXPECT_EQ(order[255], 0xad);
}

}  // namespace
}  // namespace dvar::text
