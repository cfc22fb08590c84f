#include "cli/watch/found_logs.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../files.hpp"

namespace dvar::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::filesystem::path put(const std::filesystem::path& file) {
  std::filesystem::create_directories(file.parent_path());
  test::put(file, "");
  return file;
}

TEST(found_logs_test, a_file_stands_for_itself) {
  const std::filesystem::path folder = test::new_directory();
  EXPECT_THAT(logs_at(put(folder / "any.name")), ElementsAre(folder / "any.name"));
  EXPECT_THAT(logs_at(folder / "none"), IsEmpty());
}

TEST(found_logs_test, a_folder_has_one_log_for_all_that_lies_in_it) {
  const std::filesystem::path folder = test::new_directory();
  put(folder / "tensorboard/events.out.tfevents.1.host.1");
  EXPECT_THAT(logs_at(folder), ElementsAre(folder / "tensorboard"));
  put(folder / "trace.jsonl");
  EXPECT_THAT(logs_at(folder), ElementsAre(folder / "trace.jsonl"));
}

TEST(found_logs_test, the_latest_checkpoint) {
  const std::filesystem::path folder = test::new_directory();
  for (const char* const name : {"checkpoint-90", "checkpoint-100", "checkpoint-20", "checkpoint-last"})
    put(folder / name / "trainer_state.json");
  put(folder / "checkpoint-1000/model.safetensors");
  EXPECT_THAT(logs_at(folder), ElementsAre(folder / "checkpoint-100/trainer_state.json"));
}

TEST(found_logs_test, runs_below_in_the_order_of_names) {
  const std::filesystem::path folder = test::new_directory();
  put(folder / "b/trace.jsonl");
  put(folder / "a/deep/metrics.csv");
  put(folder / "notes/readme.txt");
  std::filesystem::create_directory_symlink(folder, folder / "a/round");
  EXPECT_THAT(logs_at(folder), ElementsAre(folder / "a/deep/metrics.csv", folder / "b/trace.jsonl"));
}

}  // namespace
}  // namespace dvar::cli
