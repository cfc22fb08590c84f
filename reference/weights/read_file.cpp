#include "weights/read_file.hpp"

#include <fmt/format.h>

#include "error.hpp"
#include "weights/file_mapping.hpp"

namespace dvar::weights {

std::string read_file(const std::filesystem::path& path) {
  constexpr std::size_t largest = 1'000'000'000;
  const auto mapping = file_mapping(path);
  if (mapping.bytes().size() > largest) {
    throw input_error(
        fmt::format("{}: expected at most 1 GB, found {} bytes", path.string(), mapping.bytes().size()));
  }
  return std::string(mapping.bytes());
}

}  // namespace dvar::weights
