#include "reporting/event_file.hpp"

#include "../files.hpp"

// What is in a file, TensorBoard itself says: tests/parity/test_tensorboard.py.

namespace dvar::reporting {
namespace {

TEST(event_file_test, comes_behind_every_earlier_one_of_its_folder) {
  const std::filesystem::path folder = test::new_directory() / "made";
  EXPECT_TRUE(event_file::files_in(folder).empty());
  std::vector<std::filesystem::path> paths;
  for (int i = 0; i < 3; ++i)
    paths.push_back(event_file{folder}.path());
  test::put(folder / "notes.txt", "mine");
  EXPECT_EQ(event_file::files_in(folder), paths);
}

TEST(event_file_test, comes_behind_one_of_a_clock_that_was_ahead) {
  const std::filesystem::path folder = test::new_directory();
  const std::filesystem::path earlier = folder / "events.out.tfevents.9000000000.zebra.1";
  test::put(earlier, "");
  const event_file later{folder};
  EXPECT_EQ(event_file::files_in(folder), (std::vector<std::filesystem::path>{earlier, later.path()}));
}

TEST(event_file_test, is_written_record_by_record) {
  event_file file{test::new_directory(), 7};
  const auto begun = std::filesystem::file_size(file.path());
  file.add_scalars(7, {{"loss", 0.5}});
  // Length and check, 8 + 4 bytes; time and step, 9 + 2; the summary, 2 + 2 + (2 + 4) + 5; another check, 4.
  EXPECT_EQ(std::filesystem::file_size(file.path()), begun + 12 + 11 + 15 + 4);
}

TEST(event_file_test, names_a_folder_that_cannot_be_made) {
  const std::filesystem::path folder = test::new_directory() / "file";
  test::put(folder, "in the way");
  EXPECT_THAT(test::message_of([&] { event_file{folder / "below"}; }), testing::HasSubstr(folder.string()));
  EXPECT_EQ(test::contents(folder), "in the way");
}

}  // namespace
}  // namespace dvar::reporting
