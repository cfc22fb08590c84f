#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error.hpp"

namespace dvar::test {

/// Makes a new empty directory for the running test.
inline std::filesystem::path new_directory() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  auto path = std::filesystem::path(testing::TempDir()) /
              (std::string("dvar_") + test->test_suite_name() + "_" + test->name());
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

inline void put(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Returns the message of the input_error that `action` throws; the test fails if it throws none.
template <class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const input_error& error) {
    return error.what();
  }
  ADD_FAILURE() << "expected an input_error";
  return {};
}

}  // namespace dvar::test
