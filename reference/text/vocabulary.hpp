#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dvar::text {

/// Keeps the tokens of a model and their ids, 0 … n-1: each id is a row of the embedding.
class vocabulary {
 public:
  /// Takes the ids of tokens. Throws `dvar::input_error`, which names `location`, when they are no permutation
  /// of 0 … n-1.
  vocabulary(const std::unordered_map<std::string, std::int64_t>& ids, const std::string& location);

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
  [[nodiscard]] std::optional<std::int64_t> find(std::string_view token) const;

  /// Returns the token of an id. Throws `std::out_of_range` when there is none.
  [[nodiscard]] const std::string& token(std::int64_t id) const;

  /// Returns the id of a token that must be there. Throws `dvar::input_error`, which names `location` and the
  /// token's role, when it is not.
  [[nodiscard]] std::int64_t require(std::string_view role, const std::string& token,
                                     const std::string& location) const;

  /// Returns the id of `token`: the one that it has, or else the next.
  std::int64_t add(const std::string& token);

 private:
  /// Lets views be looked up without a copy.
  struct hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  std::vector<std::string> tokens_;  ///< id → token
  std::unordered_map<std::string, std::int64_t, hash, std::equal_to<>> ids_;
};

}  // namespace dvar::text
