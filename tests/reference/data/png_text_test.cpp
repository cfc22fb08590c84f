#include "data/png_text.hpp"

#include <stdexcept>

#include <gmock/gmock.h>

#include "picture_files.hpp"

namespace dvar::data {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using text_and_name = std::pair<std::string, std::string>;

/// Returns the bytes of a literal, those that are 0 among them.
template <std::size_t size>
std::string bytes(const char (&literal)[size]) {
  return {literal, size - 1};
}

// By Python: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
const std::string latin = bytes("\0\0\0\x08tEXtLatin\0\xE4\n\xAA\x56\x08\xF2");
const std::string other = bytes("\0\0\0\riTXtOther\0\0\0\0\0\xE7\x8C\xAB\xB1\xA5\x74\x6B");
const std::string in_german = bytes("\0\0\0\riTXtb\0\0\0de\0B\0text\xDA\x73\x70\xB8");
// Their texts are compressed: zlib.compress(b"x").
const std::string compressed = bytes("\0\0\0\x0CzTXta\0\0\x78\x9C\xAB\0\0\0\x79\0\x79\x1A\x62\xFD\x4F");
const std::string compressed_too =
    bytes("\0\0\0\x12iTXtb\0\1\0de\0B\0\x78\x9C\xAB\0\0\0\x79\0\x79\x70\xD3\x4E\x64");
const std::string endless = bytes("\0\0\0\6tEXtno end\x60\xDA\xDC\xBC");
const std::string short_one = bytes("\0\0\0\3iTXta\0\0\xB1\x76\x8E\x7F");
const std::string without_language = bytes("\0\0\0\5iTXta\0\0\0x\xBD\xA0\x91\x99");

class png_text_test : public testing::Test {
 protected:
  std::filesystem::path folder_ = fresh_folder();
  std::filesystem::path file_ = folder_ / "a.png";
  std::string plain_ = encode_png(red_and_blue(4, 6));

  /// Returns the file with chunks behind its header.
  std::string with_chunks(const std::string& added) const {
    return plain_.substr(0, 33) + added + plain_.substr(33);
  }

  std::vector<text_and_name> read() const {
    std::vector<text_and_name> texts;
    for (const png_text& each : read_png_texts(file_))
      texts.emplace_back(each.keyword, each.text);
    return texts;
  }
};

TEST_F(png_text_test, comes_back_as_it_was) {
  const std::vector<png_text> texts{{"parameters", "a photo of a <cat>\nSteps: 50, \"q\""},
                                    {"Latin", "Käse für Zoë"},
                                    {"Other", "кот, 猫, 🐈"},
                                    {"Control", "a\tb\rc"},
                                    {"Empty", ""}};
  write_png(file_, red_and_blue(4, 6), texts);
  const auto found = read();
  ASSERT_EQ(found.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(found[i], text_and_name(texts[i].keyword, texts[i].text));
  EXPECT_TRUE(at::equal(read_image(file_), red_and_blue(4, 6)));
}

TEST_F(png_text_test, is_written_as_the_definition_says) {
  EXPECT_EQ(with_texts(plain_, {}), plain_);
  EXPECT_EQ(with_texts(plain_, {{"Latin", "ä\n"}, {"Other", "猫"}}), with_chunks(latin + other));
  EXPECT_EQ(with_texts(plain_, {{"Broken", "\xFF"}}), with_texts(plain_, {{"Broken", "\uFFFD"}}));
}

TEST_F(png_text_test, reads_what_other_programs_write) {
  write_bytes(file_, with_chunks(in_german + compressed + compressed_too));
  EXPECT_THAT(read(), ElementsAre(text_and_name("b", "text"), text_and_name("a", "(compressed)"),
                                  text_and_name("b", "(compressed)")));
}

TEST_F(png_text_test, refuses_what_is_broken) {
  std::string wrong = latin;
  wrong.back() = '\0';
  const std::vector<text_and_name> files{{"no picture", "it is no PNG"},
                                         {plain_.substr(0, 50), "it ends too early"},
                                         {with_chunks(wrong), "a checksum is wrong"},
                                         {with_chunks("\x7F\xFF\xFF\xFFtEXt"), "a text that is too long"},
                                         {with_chunks(endless), "no end of its keyword"},
                                         {with_chunks(short_one), "a text ends too early"},
                                         {with_chunks(without_language), "no end of its keyword"}};
  for (const auto& [content, what] : files) {
    write_bytes(file_, content);
    EXPECT_THAT(message_of([&] { (void)read_png_texts(file_); }),
                AllOf(HasSubstr(file_.string()), HasSubstr(what)));
  }
  EXPECT_THAT(message_of([&] { (void)read_png_texts(folder_ / "none.png"); }), HasSubstr("cannot be opened"));
}

TEST_F(png_text_test, refuses_what_cannot_be_written) {
  EXPECT_THROW((void)with_texts("no picture", {}), std::invalid_argument);
  for (const std::string& keyword : {std::string{}, std::string(80, 'a'), std::string{"ä"}, bytes("a\0")})
    EXPECT_THROW((void)with_texts(plain_, {{keyword, "text"}}), std::invalid_argument);
  EXPECT_THROW((void)with_texts(plain_, {{"a", bytes("b\0")}}), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::data
