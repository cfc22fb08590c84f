/// Reads what the directories of all kinds of tokenizers have in common: special and added tokens, in the
/// files that transformers writes and reads.
#pragma once

#include <filesystem>
#include <map>
#include <unordered_map>

#include "text/added_tokens.hpp"
#include "weights/config.hpp"

namespace dvar::text {

/// Holds a tokenizer's JSON files as far as they are there: a missing one is an empty object.
struct tokenizer_files {
  std::filesystem::path directory;
  weights::config_reader config;                         ///< tokenizer_config.json
  weights::config_reader special_map;                    ///< special_tokens_map.json
  std::optional<weights::config_reader> tokenizer_json;  ///< tokenizer.json

  /// Opens the files. Throws `dvar::input_error` when `directory` is none, or a file is no JSON object.
  [[nodiscard]] static tokenizer_files open(const std::filesystem::path& directory);
};

/// Holds tokens by role (`pad_token` and so on).
using role_tokens = std::map<std::string, added_token>;

/// Holds the special and added tokens of a tokenizer, as transformers makes them up from its files.
struct special_tokens {
  role_tokens named;
  /// The tokens that the files list with their ids.
  std::map<std::int64_t, added_token> listed;
  /// The listed tokens, then those with a role that the list lacks.
  std::vector<added_token> added;
};

/// Reads the special tokens; roles that the files leave open are filled from `defaults`. Throws
/// `dvar::input_error` when an entry is wrong, and names file and key.
[[nodiscard]] special_tokens read_special_tokens(const tokenizer_files& files, const role_tokens& defaults);

/// Returns a special token as it is where no file says more.
[[nodiscard]] added_token plain_special(const char* content);

/// Returns `model_max_length` of tokenizer_config.json, or `fallback` where it is missing or says "no limit".
[[nodiscard]] std::int64_t read_max_length(const tokenizer_files& files, std::int64_t fallback);

/// Reads a JSON object as a vocabulary: token → id.
[[nodiscard]] std::unordered_map<std::string, std::int64_t> read_vocabulary(
    const weights::config_reader& source);

class tokenizer;

/// Throws `dvar::input_error` when a listed token did not get the id that the files list.
void check_listed(const special_tokens& tokens, const tokenizer& made,
                  const std::filesystem::path& directory);

[[nodiscard]] bool is_there(const std::filesystem::path& path);

}  // namespace dvar::text
