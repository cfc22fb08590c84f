#include "training/checkpoint.hpp"

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

}  // namespace
}  // namespace dvar::training
