#include "weights/output_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../files.hpp"

namespace dvar::weights {
namespace {

using testing::HasSubstr;

class output_folder_test : public testing::Test {
 protected:
  std::filesystem::path folder_ = test::new_directory() / "out";

  void put(const std::string& name) {
    std::filesystem::create_directories(folder_);
    test::put(folder_ / name, "mine");
  }
  std::string refusal(std::string_view command = "train") {
    return test::message_of([&] { output_folder{folder_, command}; });
  }
};

TEST_F(output_folder_test, new_and_empty_ones_are_taken) {
  output_folder folder{folder_, "train"};
  EXPECT_FALSE(folder.is_used());
  EXPECT_FALSE(std::filesystem::exists(folder_)) << "nothing is written before it is made";
  folder.make();
  EXPECT_EQ(writer_of(folder_), "train");
}

TEST_F(output_folder_test, hidden_files_do_not_count) {
  put(".DS_Store");
  EXPECT_FALSE((output_folder{folder_, "train"}.is_used()));
}

TEST_F(output_folder_test, those_of_others_are_refused_by_what_they_hold) {
  for (const char* name : {"config.json", "b.png", "a.png", "c.png"})
    put(name);
  EXPECT_THAT(refusal(),
              HasSubstr("out, which holds a.png, b.png, c.png and 1 more; nothing of it is touched"));
  EXPECT_EQ(test::contents(folder_ / "config.json"), "mine");
}

TEST_F(output_folder_test, a_mark_of_somebody_else_is_none) {
  put(folder_mark);
  EXPECT_THAT(refusal(), HasSubstr("which holds dvar.json"));
}

TEST_F(output_folder_test, a_file_is_no_folder) {
  test::put(folder_, "mine");
  EXPECT_THAT(refusal(), HasSubstr("found the file"));
}

TEST_F(output_folder_test, ours_are_taken_again_by_the_same_command) {
  output_folder{folder_, "train"}.make();
  put("notes.txt");
  EXPECT_TRUE((output_folder{folder_, "train"}.is_used()));
  EXPECT_THAT(refusal("sample"), HasSubstr("found " + folder_.string() + ", which is of dvar train"));
}

TEST_F(output_folder_test, one_that_was_killed_before_it_could_mark_is_taken) {
  std::filesystem::create_directories(folder_);
  test::put(folder_ / folder_mark, "");
  output_folder folder{folder_, "train"};
  folder.make();
  EXPECT_EQ(writer_of(folder_), "train");
}

TEST_F(output_folder_test, are_locked_until_they_are_given_back) {
  {
    output_folder first{folder_, "train"};
    first.make();
    EXPECT_THAT(refusal(), HasSubstr("another dvar train is writing into"));
  }
  output_folder again{folder_, "train"};
  EXPECT_THAT(refusal(), HasSubstr("another dvar train is writing into"));
}

TEST_F(output_folder_test, who_has_begun_since_the_first_look_has_it) {
  output_folder late{folder_, "train"};
  {
    output_folder early{folder_, "train"};
    early.make();
    EXPECT_THAT(test::message_of([&] { late.make(); }), HasSubstr("another dvar train is writing into"));
  }
  EXPECT_THAT(test::message_of([&] { late.make(); }), HasSubstr("another dvar train has written into"));
}

// The child ends without giving anything back.
TEST_F(output_folder_test, the_lock_dies_with_its_process) {
  const pid_t child = ::fork();
  if (child == 0) {
    output_folder folder{folder_, "train"};
    folder.make();
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE((output_folder{folder_, "train"}.is_used()));
}

}  // namespace
}  // namespace dvar::weights
