#include "text/wordpiece.hpp"

#include <cstddef>
#include <utility>

namespace dvar::text {
namespace {

bool starts_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U;
}

}  // namespace

wordpiece::wordpiece(vocabulary entries, std::int64_t unknown)
    : entries_(std::move(entries)), unknown_(unknown) {}

void wordpiece::encode(std::string_view word, std::vector<std::int64_t>& ids) const {
  std::vector<std::size_t> ends;  // of the characters, in bytes
  for (std::size_t i = 1; i <= word.size(); ++i)
    if (i == word.size() || starts_character(word[i])) ends.push_back(i);
  if (ends.size() > max_characters) {
    ids.push_back(unknown_);
    return;
  }
  const auto before = ids.size();
  std::string piece;
  for (std::size_t start = 0, first = 0; start < word.size();) {
    std::size_t last = ends.size();
    std::optional<std::int64_t> found;
    for (; last > first && !found; --last) {
      piece.assign(start == 0 ? "" : continuation).append(word.substr(start, ends[last - 1] - start));
      found = entries_.find(piece);
    }
    if (!found) {
      ids.resize(before);
      ids.push_back(unknown_);
      return;
    }
    ids.push_back(*found);
    start = ends[last];
    first = last + 1;
  }
}

}  // namespace dvar::text
