#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dvar::text {

/// The tokens of a model and their ids, 0 … n-1: each id is a row of the embedding.
class vocabulary {
 public:
  /// \param ids token → id
  /// \throws dvar::input_error if the ids are no permutation of 0 … n-1; `where` names the source.
  vocabulary(const std::unordered_map<std::string, std::int64_t>& ids, const std::string& where);

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
  [[nodiscard]] std::optional<std::int64_t> find(std::string_view token) const;

  /// \throws std::out_of_range
  [[nodiscard]] const std::string& token(std::int64_t id) const;

  /// The id of a token that must be there. \throws dvar::input_error names `where` and the token's role.
  [[nodiscard]] std::int64_t require(std::string_view role, const std::string& token,
                                     const std::string& where) const;

  /// The id of `token`: the one that it has, or else the next.
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
