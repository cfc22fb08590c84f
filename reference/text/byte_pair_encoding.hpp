#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dvar::text {

/// Splits a word into the tokens of a vocabulary by merging neighbors, best merge first (leftmost of equal ones).
class byte_pair_encoding {
 public:
  using vocabulary = std::unordered_map<std::string, std::int64_t>;

  byte_pair_encoding() = default;

  /// Takes the ids of tokens, which are in the byte alphabet (see byte_alphabet.hpp) with `</w>` at word
  /// ends, the merges, best first, and the id for a symbol that the vocabulary lacks. Throws
  /// `dvar::input_error`, which names `location`, when a merge's parts or result are not in the vocabulary.
  byte_pair_encoding(const vocabulary& ids, const std::vector<std::pair<std::string, std::string>>& merges,
                     std::int64_t unknown, const std::string& location);

  /// Appends the ids of one word (UTF-8 of any bytes, not empty). Complexity: O(n log n) in its bytes.
  void encode(std::string_view word, std::vector<std::int64_t>& ids) const;

 private:
  struct merge {
    std::int64_t rank;
    std::int64_t result;
  };

  std::vector<std::int64_t> inner_;  ///< byte → id, inside of a word
  std::vector<std::int64_t> final_;  ///< byte → id, at the end of a word
  std::unordered_map<std::uint64_t, merge> merges_;
};

}  // namespace dvar::text
