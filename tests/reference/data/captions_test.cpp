#include "data/captions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picture_files.hpp"

namespace dvar::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class captions_test : public testing::Test {
 protected:
  std::filesystem::path folder_ = fresh_folder();

  std::vector<std::string> of(std::string_view text) {
    write_bytes(folder_ / "cat.txt", text);
    return read_captions(folder_ / "cat.png");
  }
};

TEST_F(captions_test, are_in_the_text_file_of_the_same_name) {
  EXPECT_EQ(caption_file_of("a/my cat.JPEG"), "a/my cat.txt");
  EXPECT_EQ(caption_file_of("a.b/cat.1.png"), "a.b/cat.1.txt");
}

TEST_F(captions_test, are_lines_of_any_system) {
  EXPECT_THAT(of("a photo of {}"), ElementsAre("a photo of {}"));
  EXPECT_THAT(of("one {}\ntwo {}\n"), ElementsAre("one {}", "two {}"));
  EXPECT_THAT(of("one {}\r\n\r\ntwo {}\r\n"), ElementsAre("one {}", "two {}"));
  EXPECT_THAT(of("one {}\rtwo {}"), ElementsAre("one {}", "two {}"));
}

TEST_F(captions_test, lose_what_surrounds_them_and_nothing_else) {
  EXPECT_THAT(of("\xef\xbb\xbf \t a  {}, caf\xc3\xa9 \t\n \n\n"), ElementsAre("a  {}, caf\xc3\xa9"));
}

TEST_F(captions_test, that_cannot_be_used_are_named) {
  const std::string file = (folder_ / "cat.txt").string();
  EXPECT_THAT(
      message_of([&] { read_captions(folder_ / "cat.png"); }),
      testing::AllOf(HasSubstr((folder_ / "cat.png").string()), HasSubstr(file), HasSubstr("no such file")));
  for (const char* const text : {"", "\n", " \r\n\t"})
    EXPECT_THAT(message_of([&] { of(text); }), HasSubstr(file + ": expected a line with a caption")) << text;
  EXPECT_THAT(message_of([&] { of(std::string(1'000'001, 'x')); }),
              HasSubstr(file + ": expected at most 1000000 bytes, found 1000001"));
  using namespace std::string_literals;
  EXPECT_THAT(message_of([&] { of("it\x92s {}"); }),
              HasSubstr(file + ": expected UTF-8, found the byte 0x92 at 2"));
  EXPECT_THAT(message_of([&] { of("un caf\xe9 {}"); }), HasSubstr("found the byte 0xe9 at 6"));
  EXPECT_THAT(message_of([&] { of("\xff\xfe"s + "a\0 \0"s); }),
              HasSubstr("found the byte 0xff at 0, as UTF-16 has it"));
  EXPECT_THAT(message_of([&] { of("a\0 \0"s); }), HasSubstr("found the byte 0x00 at 1, as UTF-16 has it"));
  std::filesystem::remove(folder_ / "cat.txt");
  std::filesystem::create_directory(folder_ / "cat.txt");
  EXPECT_THAT(message_of([&] { read_captions(folder_ / "cat.png"); }), HasSubstr(file));
}

}  // namespace
}  // namespace dvar::data
