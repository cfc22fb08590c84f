#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>
#include <ranges>
#include <string_view>
#include <vector>

namespace dvar::inline v0_2 {

namespace detail {

/// Returns the least number of characters that have to be put in, left out or replaced to make one word of
/// the other (Levenshtein's distance). Takes O(length²) time.
inline std::size_t edit_distance(std::string_view from, std::string_view to) {
  // The distances of what has been read of `from` to every beginning of `to`.
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (const char c : from) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (c == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace detail

/// Returns the name that somebody who wrote `word` may have meant: the first of those nearest by edit
/// distance, if that is at most a third of the word's length, rounded up. Takes O(names * length²) time.
template <std::ranges::input_range Names>
std::optional<std::string_view> closest_name(std::string_view word, const Names& names) {
  std::size_t fewest = (word.size() + 2) / 3 + 1;
  std::optional<std::string_view> closest;
  for (const std::string_view name : names) {
    const std::size_t distance = detail::edit_distance(word, name);
    if (distance >= fewest) continue;
    fewest = distance;
    closest = name;
  }
  return closest;
}

}  // namespace dvar::inline v0_2
