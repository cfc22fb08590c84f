#include "weights/content_hash.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "weights/file_mapping.hpp"

namespace dvar::weights {
namespace {

constexpr std::size_t always_whole = 64'000'000;
constexpr std::size_t end_bytes = 1 << 20;
constexpr std::size_t page_bytes = 4096;
constexpr std::size_t pages = 64;

void add_samples(content_hash& hash, std::string_view bytes) {
  hash.add(bytes.substr(0, end_bytes));
  const std::size_t distance = (bytes.size() - 2 * end_bytes) / pages;
  for (std::size_t page = 0; page < pages; ++page)
    hash.add(bytes.substr(end_bytes + page * distance, page_bytes));
  hash.add(bytes.substr(bytes.size() - end_bytes));
}

}  // namespace

std::string content_hash::text() const {
  return fmt::format("{:016x}", state_);
}

std::string hash_of_files(const std::vector<std::filesystem::path>& files, hashed_part part) {
  content_hash hash;
  for (const std::filesystem::path& file : files) {
    const file_mapping mapping{file};
    const std::string_view bytes = mapping.bytes();
    hash.add(fmt::format("{}:", bytes.size()));
    if (part == hashed_part::whole || bytes.size() <= always_whole)
      hash.add(bytes);
    else
      add_samples(hash, bytes);
  }
  return hash.text();
}

}  // namespace dvar::weights
