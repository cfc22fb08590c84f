#include "text/byte_pair_encoding.hpp"

#include <cstddef>
#include <functional>
#include <queue>
#include <tuple>

#include <fmt/format.h>

#include "error.hpp"
#include "text/byte_alphabet.hpp"
#include "weights/messages.hpp"

namespace dvar::text {
namespace {

using weights::in_quotes;

std::uint64_t key_of(std::int64_t left, std::int64_t right) {
  return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint64_t>(right);
}

/// Describes a symbol in a word's doubly linked list; `id` is -1 once it has become part of its left neighbor.
struct symbol {
  std::int64_t id;
  std::size_t previous;
  std::size_t next;
};

}  // namespace

byte_pair_encoding::byte_pair_encoding(const vocabulary& ids,
                                       const std::vector<std::pair<std::string, std::string>>& merges,
                                       std::int64_t unknown, const std::string& location) {
  const auto id_or_unknown = [&](const std::string& token) {
    const auto found = ids.find(token);
    return found == ids.end() ? unknown : found->second;
  };
  for (const auto& token : byte_symbols()) {
    inner_.push_back(id_or_unknown(token));
    final_.push_back(id_or_unknown(token + std::string(word_end)));
  }
  std::int64_t rank = 0;
  for (const auto& [left, right] : merges) {
    for (const auto& token : {left, right, left + right}) {
      if (!ids.contains(token)) {
        throw input_error(fmt::format("{}: merge {} {}: expected {} in the vocabulary, found no such token",
                                      location, in_quotes(left), in_quotes(right), in_quotes(token)));
      }
    }
    merges_[key_of(ids.at(left), ids.at(right))] = {rank++, ids.at(left + right)};
  }
}

void byte_pair_encoding::encode(std::string_view word, std::vector<std::int64_t>& ids) const {
  const auto size = word.size();
  std::vector<symbol> symbols(size);
  for (std::size_t i = 0; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(word[i]);
    symbols[i] = {(i + 1 < size ? inner_ : final_)[byte], i - 1, i + 1};  // no neighbor: >= size
  }

  // Candidates, best first: rank, place, and the pair that it was when it came in.
  using candidate = std::tuple<std::int64_t, std::size_t, std::uint64_t>;
  std::priority_queue<candidate, std::vector<candidate>, std::greater<>> queue;
  const auto consider = [&](std::size_t left) {
    if (left >= size || symbols[left].next >= size) return;
    const auto key = key_of(symbols[left].id, symbols[symbols[left].next].id);
    if (const auto found = merges_.find(key); found != merges_.end())
      queue.emplace(found->second.rank, left, key);
  };
  for (std::size_t i = 0; i < size; ++i)
    consider(i);

  while (!queue.empty()) {
    const auto [rank, place, key] = queue.top();
    queue.pop();
    auto& left = symbols[place];
    if (left.id < 0 || left.next >= size || key_of(left.id, symbols[left.next].id) != key)
      continue;  // merged since
    auto& right = symbols[left.next];
    left.id = merges_.at(key).result;
    right.id = -1;
    left.next = right.next;
    if (left.next < size) symbols[left.next].previous = place;
    consider(left.previous);
    consider(place);
  }
  for (const auto& symbol : symbols)
    if (symbol.id >= 0) ids.push_back(symbol.id);
}

}  // namespace dvar::text
