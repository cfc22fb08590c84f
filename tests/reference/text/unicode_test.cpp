#include "text/unicode.hpp"

#include "text/byte_alphabet.hpp"

#include <gtest/gtest.h>

#include <set>

namespace dvar::text {
namespace {

TEST(unicode, decodes_and_encodes_every_length) {
  const std::u32string points = U"a\u00e9\u20ac\U0001f431";
  std::string utf8;
  for (const auto point : points)
    append_utf8(utf8, point);
  EXPECT_EQ(utf8, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb1");
  EXPECT_EQ(decode_utf8(utf8), points);
}

// python -c "print(list(map(hex, map(ord,
// b'a\xffb\xe2\x82c\xed\xa0\x80\xc0\xaf'.decode(errors='replace')))))"
TEST(unicode, replaces_ill_formed_sequences) {
  EXPECT_EQ(decode_utf8("a\xff"
                        "b\xe2\x82"
                        "c\xed\xa0\x80\xc0\xaf"),
            U"a\ufffdb\ufffdc\ufffd\ufffd\ufffd\ufffd\ufffd");
  EXPECT_EQ(decode_utf8("\xf0\x9f\x90"), U"\ufffd");
  EXPECT_EQ(decode_utf8(std::string_view("\0", 1)), std::u32string(1, U'\0'));
}

TEST(unicode, composes) {
  EXPECT_EQ(decode_nfc("e\xcc\x81\xe1\x84\x80\xe1\x85\xa1"), U"\u00e9\uac00");
}

TEST(unicode, lowers_each_code_point_by_itself) {
  std::u32string text;
  for (const auto point : U"ÀΣ\u0130ß") {
    if (point != 0) append_lower(text, point);
  }
  EXPECT_EQ(text, U"àσi\u0307ß");
}

TEST(unicode, classifies) {
  EXPECT_TRUE(is_letter(U'ß') && is_letter(U'猫') && !is_letter(U'1') && !is_letter(U'\u0301'));
  EXPECT_TRUE(is_number(U'7') && is_number(U'½') && is_number(U'Ⅷ') && !is_number(U'a'));
  EXPECT_TRUE(is_space(U'\u00a0') && is_space(U'\u3000') && is_space(U'\x85') && !is_space(U'\u200b'));
  EXPECT_TRUE(is_word(U'_') && is_word(U'\u0301') && is_word(U'9') && !is_word(U'½') && !is_word(U'-'));
}

TEST(byte_alphabet, gives_each_byte_a_character_of_its_own_and_back) {
  std::set<std::string> symbols(byte_symbols().begin(), byte_symbols().end());
  EXPECT_EQ(symbols.size(), 256U);
  for (unsigned byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(byte_of(decode_utf8(byte_symbols()[byte])[0]), byte);
  }
  EXPECT_EQ(byte_symbols()['a'], "a");
  EXPECT_EQ(byte_symbols()[' '], "Ġ");
  EXPECT_EQ(byte_symbols()[0xad], "Ń");
  EXPECT_EQ(byte_of(U'猫'), std::nullopt);
}

// The first ids of CLIP's vocabulary: "!" is 0, "~" is 93, "¡" 94, "ÿ" 187, and byte 0 follows as 188.
TEST(byte_alphabet, orders_printable_bytes_first) {
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
