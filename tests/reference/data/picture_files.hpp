/// \file
/// Makes picture files for the tests, written by libvips on the spot.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "data/image.hpp"
#include "error.hpp"
#include "torch.hpp"

namespace dvar::data {

/// Makes a folder for the running test.
inline std::filesystem::path fresh_folder() {
  const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
  std::filesystem::path folder =
      std::filesystem::path{testing::TempDir()} / (std::string{test->test_suite_name()} + "." + test->name());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

inline std::string read_bytes(const std::filesystem::path& file) {
  std::ifstream stream{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

inline void write_bytes(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream{file, std::ios::binary}.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Returns a picture whose left half is red and whose right half is blue: tells left from right and top
/// from nothing.
inline at::Tensor red_and_blue(std::int64_t height, std::int64_t width) {
  at::Tensor image = at::zeros({3, height, width}, at::kByte);
  image[0].narrow(1, 0, width / 2).fill_(255);
  image[2].narrow(1, width / 2, width - width / 2).fill_(255);
  return image;
}

/// Returns pseudo-random levels, the same everywhere.
inline at::Tensor noise(std::int64_t height, std::int64_t width, std::uint64_t seed = 1) {
  std::mt19937_64 random{seed};
  at::Tensor image = at::empty({3, height, width}, at::kByte);
  std::uint8_t* const levels = image.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < image.numel(); ++i)
    levels[i] = static_cast<std::uint8_t>(random() >> 56);
  return image;
}

/// Returns the message of the input_error that `action` throws; fails the test if it throws none.
template <class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const dvar::input_error& error) {
    return error.what();
  }
  ADD_FAILURE() << "expected dvar::input_error";
  return {};
}

}  // namespace dvar::data
