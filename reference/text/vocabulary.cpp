#include "text/vocabulary.hpp"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "error.hpp"
#include "weights/messages.hpp"

namespace dvar::text {

using weights::in_quotes;

vocabulary::vocabulary(const std::unordered_map<std::string, std::int64_t>& ids, const std::string& location)
    : tokens_(ids.size()), ids_(ids.begin(), ids.end()) {
  std::vector<bool> taken(ids.size());
  for (const auto& [token, id] : ids) {
    if (id < 0 || id >= size()) {
      throw input_error(fmt::format("{}: token {}: expected an id of 0 to {}, found {}", location,
                                    in_quotes(token), size() - 1, id));
    }
    const auto index = static_cast<std::size_t>(id);
    if (taken[index]) {
      throw input_error(fmt::format("{}: tokens {} and {} have the same id {}", location,
                                    in_quotes(std::min(tokens_[index], token)),
                                    in_quotes(std::max(tokens_[index], token)), id));
    }
    taken[index] = true;
    tokens_[index] = token;
  }
}

std::optional<std::int64_t> vocabulary::find(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const std::string& vocabulary::token(std::int64_t id) const {
  return tokens_.at(static_cast<std::size_t>(id));
}

std::int64_t vocabulary::require(std::string_view role, const std::string& token,
                                 const std::string& location) const {
  const auto found = find(token);
  if (!found) {
    throw input_error(fmt::format("{}: {}: expected a token of the vocabulary, found {}", location, role,
                                  in_quotes(token)));
  }
  return *found;
}

std::int64_t vocabulary::add(const std::string& token) {
  const auto [entry, is_new] = ids_.emplace(token, size());
  if (is_new) tokens_.push_back(token);
  return entry->second;
}

}  // namespace dvar::text
