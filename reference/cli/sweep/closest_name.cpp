#include "cli/sweep/closest_name.hpp"

#include <algorithm>
#include <numeric>

namespace dvar::cli {
namespace {

std::size_t distance(std::string_view from, std::string_view to) {
  // The distances of what has been read of `from` to every beginning of `to`.
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string closest_name(std::string_view word, const std::vector<std::string>& names) {
  std::size_t fewest = (word.size() + 2) / 3 + 1;
  std::string closest;
  for (const std::string& name : names) {
    const std::size_t found = distance(word, name);
    if (found >= fewest) continue;
    fewest = found;
    closest = name;
  }
  return closest;
}

}  // namespace dvar::cli
