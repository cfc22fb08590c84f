#include "data/picture_folder.hpp"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/concept_dataset.hpp"
#include "picture_files.hpp"
#include "weights/output_folder.hpp"

namespace dvar::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

class picture_folder_test : public testing::Test {
 protected:
  std::filesystem::path folder_ = fresh_folder();

  std::vector<std::string> pictures(const companions& read = {}) {
    std::vector<std::string> names;
    for (const std::filesystem::path& path : look_through(folder_, read).pictures)
      names.push_back(path.filename());
    return names;
  }
  std::map<std::string, std::string> unused(const companions& read = {}) {
    std::map<std::string, std::string> reasons;
    for (const unused_file& file : look_through(folder_, read).unused)
      reasons[file.name] = file.reason;
    return reasons;
  }
  void picture(const std::string& name) { write_png(folder_ / name, noise(8, 8)); }
};

TEST_F(picture_folder_test, takes_pictures_by_their_content_or_their_name) {
  for (const char* const name : {"b.jfif", "a.JPE", "C.png", "noname", "d.download"})
    picture(name);
  EXPECT_THAT(pictures(), ElementsAre("C.png", "a.JPE", "b.jfif", "d.download", "noname"));
  EXPECT_TRUE(unused().empty());
}

TEST_F(picture_folder_test, names_every_file_that_it_does_not_take) {
  picture("cat.png");
  picture(".hidden.png");
  write_bytes(folder_ / "notes.md", "no picture");
  write_bytes(folder_ / "empty", "");
  std::filesystem::create_directory(folder_ / "more.png");
  std::filesystem::create_symlink(folder_ / "nowhere", folder_ / "link");
  EXPECT_THAT(unused(), UnorderedElementsAre(Pair(".hidden.png", "hidden"), Pair("notes.md", "no picture"),
                                             Pair("empty", "no picture"), Pair("more.png", "a folder"),
                                             Pair("link", "a link to nothing")));
}

TEST_F(picture_folder_test, what_is_called_a_picture_is_not_passed_over) {
  picture("cat.png");
  std::filesystem::create_symlink(folder_ / "nowhere", folder_ / "dog.jpg");
  EXPECT_THAT(pictures(), ElementsAre("cat.png", "dog.jpg"));
  EXPECT_THAT(message_of([&] { concept_dataset{{.images_dir = folder_, .size = 8}}; }), HasSubstr("dog.jpg"));
  std::filesystem::remove(folder_ / "dog.jpg");
  for (const char* const name : {"dog.psd", "dog.svg", "dog.HEIC"}) {
    write_bytes(folder_ / name, "something else");
    EXPECT_THAT(message_of([&] { concept_dataset{{.images_dir = folder_, .size = 8}}; }),
                testing::AllOf(HasSubstr(name), HasSubstr("expected one of JPEG, PNG")));
    std::filesystem::remove(folder_ / name);
  }
}

TEST_F(picture_folder_test, raw_pictures_of_cameras_are_named) {
  picture("cat.png");
  write_bytes(folder_ / "cat.NEF", std::string_view{"II*\0\x08\0\0\0", 8});
  EXPECT_THAT(unused().at("cat.NEF"), HasSubstr("raw pictures of cameras"));
}

TEST_F(picture_folder_test, captions_and_masks_are_used_or_named) {
  picture("cat.png");
  picture("cat.mask.png");
  picture("cat.mask.jpg");
  picture("dog.mask.png");
  write_bytes(folder_ / "cat.txt", "a {}");
  write_bytes(folder_ / "dog.txt", "a {}");
  EXPECT_THAT(pictures(), ElementsAre("cat.png"));
  EXPECT_THAT(unused(), UnorderedElementsAre(
                            Pair("cat.mask.png", "a mask, which --masks beside reads"),
                            Pair("cat.mask.jpg", "a mask by its name, and masks are called NAME.mask.png"),
                            Pair("dog.mask.png", "a mask of no picture"),
                            Pair("cat.txt", "captions, which --captions reads"),
                            Pair("dog.txt", "captions of no picture")));
  EXPECT_THAT(
      unused({.captions = true, .masks = true}),
      UnorderedElementsAre(Pair("cat.mask.jpg", testing::_), Pair("dog.mask.png", "a mask of no picture"),
                           Pair("dog.txt", "captions of no picture")));
}

TEST_F(picture_folder_test, says_what_stands_in_one_without_pictures) {
  EXPECT_EQ(message_of([&] { list_pictures(folder_ / "no"); }),
            "expected a folder with pictures, " + (folder_ / "no").string() + " does not exist");
  const std::string none = "no pictures in the folder " + folder_.string();
  EXPECT_EQ(message_of([&] { list_pictures(folder_); }), none + ": it is empty");
  for (const char* const name : {"d.mov", "c.txt", "b.md", "e.pdf"})
    write_bytes(folder_ / name, "x");
  EXPECT_EQ(message_of([&] { list_pictures(folder_ / "c.txt"); }),
            "expected a folder with pictures, " + (folder_ / "c.txt").string() + " is no folder");
  EXPECT_EQ(message_of([&] { list_pictures(folder_); }),
            none + ": it holds \"b.md\", \"c.txt\", \"d.mov\" and 1 more");
}

TEST_F(picture_folder_test, knows_the_folders_that_dvar_writes) {
  weights::mark_output_folder(folder_, "train");
  std::filesystem::create_directory(folder_ / "samples");
  picture("sheet.png");
  EXPECT_THAT(message_of([&] { list_pictures(folder_); }), HasSubstr("is that of a run"));
  picture("samples/after.png");
  picture("samples/after-000.png");
  const picture_folder samples = look_through(folder_ / "samples");
  EXPECT_THAT(samples.pictures, ElementsAre(folder_ / "samples" / "after-000.png"));
  EXPECT_EQ(samples.unused.front().reason, "a sheet of the others");
}

TEST_F(picture_folder_test, a_line_names_all_that_is_left_out) {
  EXPECT_EQ(description_of({}, "photos"), "");
  EXPECT_EQ(description_of({{"a\nb", "no picture"}, {"c", "hidden"}}, "photos"),
            "Not used of photos: \"a\\nb\" (no picture), \"c\" (hidden)");
}

}  // namespace
}  // namespace dvar::data
