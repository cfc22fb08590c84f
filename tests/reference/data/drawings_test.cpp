#include "data/drawings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error.hpp"
#include "picture_files.hpp"

namespace dvar::data {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* header = "split\tcode_points\tname\tgroup\tstyle\ttags\tfile\n";

class drawings_test : public testing::Test {
 protected:
  std::filesystem::path folder_ = fresh_folder();

  void SetUp() override {
    std::filesystem::create_directory(folder_ / "noto");
    write_bytes(folder_ / "noto" / "1f431.png", "never opened");
  }

  std::string error_of(const std::string& manifest) {
    write_bytes(folder_ / "manifest.tsv", manifest);
    return message_of([&] { read_drawings(folder_); });
  }
};

TEST_F(drawings_test, rows_become_records) {
  write_bytes(folder_ / "manifest.tsv",
              std::string{header} +
                  "pretrain\t1f431\tcat face\tanimals-nature\tnoto\tcat,face,pet\tnoto/1f431.png\n"
                  "table\t1f98b\tbutterfly\t\ttwemoji\t\tnoto/1f431.png\n");
  const std::vector<drawing> read = read_drawings(folder_);
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].split, "pretrain");
  EXPECT_EQ(read[0].code_points, "1f431");
  EXPECT_EQ(read[0].name, "cat face");
  EXPECT_EQ(read[0].group, "animals-nature");
  EXPECT_EQ(read[0].style, "noto");
  EXPECT_THAT(read[0].tags, ElementsAre("cat", "face", "pet"));
  EXPECT_EQ(read[0].file, folder_ / "noto/1f431.png");
  EXPECT_EQ(read[1].name, "butterfly");
  EXPECT_THAT(read[1].tags, IsEmpty());
}

TEST_F(drawings_test, columns_in_any_order_with_others_and_windows_line_ends) {
  write_bytes(folder_ / "manifest.tsv",
              "\xef\xbb\xbf"
              "file\tlicence\ttags\tstyle\tgroup\tname\tcode_points\tsplit\r\n"
              "noto/1f431.png\tApache-2.0\tpet\tnoto\tanimals\tcat\t1f431\tpretrain\r\n");
  const std::vector<drawing> read = read_drawings(folder_);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].split, "pretrain");
  EXPECT_EQ(read[0].name, "cat");
  EXPECT_THAT(read[0].tags, ElementsAre("pet"));
}

TEST_F(drawings_test, errors_name_the_row_and_the_column) {
  const std::string rows = header + std::string{"pretrain\t1f431\tcat\tanimals\tnoto\t\tnoto/1f431.png\n"};
  EXPECT_THAT(error_of(rows + "pretrain\t1f431\tcat\n"),
              EndsWith("manifest.tsv, row 3: expected 7 fields, got 3"));
  EXPECT_THAT(error_of(rows + "\n"), EndsWith("row 3: expected 7 fields, got 1"));
  EXPECT_THAT(error_of(rows + "pretrain\t1f431\t\tanimals\tnoto\t\tnoto/1f431.png\n"),
              EndsWith("row 3, column name: expected a value, the field is empty"));
  EXPECT_THAT(error_of(rows + "pretrain\t1f431\tcat\tanimals\tnoto\t\tnoto/none.png\n"),
              EndsWith("row 3, column file: " + (folder_ / "noto/none.png").string() + " does not exist"));
  for (const char* const outside : {"../secret.png", "/etc/passwd", "noto/../../secret.png"}) {
    EXPECT_THAT(error_of(rows + "pretrain\t1f431\tcat\tanimals\tnoto\t\t" + outside + "\n"),
                HasSubstr("row 3, column file: expected a path inside"));
  }
}

TEST_F(drawings_test, errors_of_the_table_itself) {
  EXPECT_THAT(message_of([&] { read_drawings(folder_); }), HasSubstr("manifest.tsv: No such file"));
  EXPECT_THAT(error_of(""), EndsWith("manifest.tsv: expected a header row, the file is empty"));
  EXPECT_THAT(error_of(header), EndsWith("manifest.tsv: expected rows below the header, there are none"));
  EXPECT_THAT(error_of("split\tcode_points\tname\tgroup\tstyle\tfile\n"),
              EndsWith("row 1: the column tags is missing"));
  EXPECT_THAT(error_of("split\tname\tcode_points\tname\tgroup\tstyle\ttags\tfile\n"),
              EndsWith("row 1: the column name stands there twice"));
}

}  // namespace
}  // namespace dvar::data
