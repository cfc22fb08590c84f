#include "training/checkpoint.hpp"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "error.hpp"
#include "weights/safetensors.hpp"

namespace dvar::training {
namespace {

std::filesystem::path temporary(const std::string& name) {
  return std::filesystem::path{testing::TempDir()} / name;
}

TEST(checkpoint_test, comes_back_as_it_was) {
  const checkpoint saved{.step = 42,
                         .inversion = {{"vectors", torch::rand({2, 3})}},
                         .monitor = {std::byte{1}, std::byte{0}, std::byte{255}},
                         .configuration = R"({"seed": 7})"};
  const std::filesystem::path file = temporary("checkpoint.safetensors");
  write_checkpoint(file, saved);
  const checkpoint read = read_checkpoint(file);
  EXPECT_EQ(read.step, saved.step);
  EXPECT_TRUE(at::equal(read.inversion.at("vectors"), saved.inversion.at("vectors")));
  EXPECT_EQ(read.monitor, saved.monitor);
  EXPECT_EQ(read.configuration, saved.configuration);
}

TEST(checkpoint_test, another_safetensors_file_is_refused) {
  const std::filesystem::path file = temporary("other.safetensors");
  weights::write_safetensors(file, {{"x", torch::zeros({1})}});
  EXPECT_THROW(read_checkpoint(file), input_error);
}

class damaged_checkpoint_test : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove(previous_of(file_));
    std::filesystem::remove(file_);
    write_checkpoint(file_, saved(41));
    write_checkpoint(file_, saved(42));
  }
  static checkpoint saved(std::int64_t step) {
    return {.step = step,
            .inversion = {{"vectors", torch::full({2, 3}, 0.5 + static_cast<double>(step))}},
            .monitor = {std::byte{1}, std::byte{0}, std::byte{255}},
            .best = torch::full({2, 3}, 0.25),
            .configuration = R"({"seed": 7})"};
  }
  static std::string bytes_of(const std::filesystem::path& file) {
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  static void write(const std::filesystem::path& file, const std::string& bytes) {
    std::ofstream{file, std::ios::binary} << bytes;
  }

  // Each test has files of its own: they run side by side.
  std::filesystem::path file_ =
      temporary(std::string{testing::UnitTest::GetInstance()->current_test_info()->name()} + ".safetensors");
};

TEST_F(damaged_checkpoint_test, the_newest_is_read_and_the_one_before_is_kept) {
  const found_checkpoint found = read_newest_checkpoint(file_);
  EXPECT_EQ(found.saved.step, 42);
  EXPECT_EQ(found.damage, "");
  EXPECT_EQ(read_checkpoint(previous_of(file_)).step, 41);
}

/// A byte that means nothing, such as white space in the header, may change: what is read is then what was written.
TEST_F(damaged_checkpoint_test, no_byte_changes_what_is_read) {
  const std::string good = bytes_of(file_);
  for (std::size_t place = 0; place < good.size(); ++place) {
    for (const char flip : {'\x01', '\x40'}) {
      std::string bad = good;
      bad[place] = static_cast<char>(bad[place] ^ flip);
      write(file_, bad);
      const found_checkpoint found = read_newest_checkpoint(file_);
      const std::int64_t step = found.damage.empty() ? 42 : 41;
      ASSERT_EQ(found.saved.step, step) << place;
      ASSERT_TRUE(at::equal(found.saved.inversion.at("vectors"), saved(step).inversion.at("vectors")))
          << place;
      ASSERT_TRUE(at::equal(found.saved.best, saved(step).best)) << place;
      ASSERT_EQ(found.saved.monitor, saved(step).monitor) << place;
      ASSERT_EQ(found.saved.configuration, saved(step).configuration) << place;
    }
  }
}

TEST_F(damaged_checkpoint_test, says_what_is_wrong_where_both_are_damaged) {
  write(file_, bytes_of(file_).substr(0, 100));
  EXPECT_FALSE(read_newest_checkpoint(file_).damage.empty());
  write(previous_of(file_), "x");
  EXPECT_THROW(read_newest_checkpoint(file_), input_error);
  std::filesystem::remove(previous_of(file_));
  EXPECT_THROW(read_newest_checkpoint(file_), input_error);
}

TEST_F(damaged_checkpoint_test, does_not_take_the_place_of_the_one_before) {
  write(file_, "damaged");
  write_checkpoint(file_, saved(43), replaced_checkpoint::discarded);
  EXPECT_EQ(read_checkpoint(file_).step, 43);
  EXPECT_EQ(read_checkpoint(previous_of(file_)).step, 41);
}

}  // namespace
}  // namespace dvar::training
