#pragma once

#include "text/vocabulary.hpp"

namespace dvar::text {

/// The mark of a piece that continues a word.
inline constexpr std::string_view continuation = "##";

/// Splits a word into the pieces of a vocabulary, the longest first, from left to right (WordPiece as BERT applies
/// it, arXiv 1810.04805). A word that cannot be split to its end is unknown as a whole, and so is one of more than
/// `max_characters` code points.
class wordpiece {
 public:
  static constexpr std::size_t max_characters = 100;

  /// Takes the vocabulary, and the id for words that cannot be split.
  wordpiece(vocabulary entries, std::int64_t unknown);

  /// Appends the ids of one word (UTF-8, not empty). Complexity: O(n^2) in its characters, of which there are
  /// 100 at most.
  void encode(std::string_view word, std::vector<std::int64_t>& ids) const;

 private:
  vocabulary entries_;
  std::int64_t unknown_;
};

}  // namespace dvar::text
