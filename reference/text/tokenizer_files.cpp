#include "text/tokenizer_files.hpp"

#include <algorithm>
#include <array>
#include <system_error>

#include <fmt/format.h>

#include "error.hpp"
#include "text/tokenizer.hpp"
#include "weights/messages.hpp"

namespace dvar::text {

namespace fs = std::filesystem;
using nlohmann::json;
using weights::config_reader;
using weights::in_quotes;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

namespace {

/// Reads the file as a configuration, or returns an empty one if it is missing.
config_reader read_if_there(const fs::path& path) {
  return is_there(path) ? config_reader(path) : config_reader(json::object(), path.string());
}

/// Reads an `AddedToken` as the files write it. Where they leave `normalized` out it is the opposite of `special`.
added_token read_added(const config_reader& entry, bool special) {
  return {.content = entry.get<std::string>("content"),
          .single_word = entry.get_or("single_word", false),
          .lstrip = entry.get_or("lstrip", false),
          .rstrip = entry.get_or("rstrip", false),
          .normalized = entry.get_or("normalized", !special),
          .special = entry.get_or("special", special)};
}

/// Holds a token that a file gives either as its text or as an `AddedToken`.
struct named_token {
  added_token token;
  bool is_object = false;
};

std::optional<named_token> read_named(const config_reader& source, const std::string& key, bool special) {
  if (!source.contains(key)) return std::nullopt;
  if (source.json().at(key).is_object()) return named_token{read_added(source.object(key), special), true};
  return named_token{{.content = source.get<std::string>(key), .normalized = false, .special = true}, false};
}

constexpr std::array<const char*, 7> roles{"bos_token", "eos_token", "unk_token", "sep_token",
                                           "pad_token", "cls_token", "mask_token"};

/// Reads the tokens by role: transformers' defaults, what tokenizer_config.json says, and unless that lists
/// all added tokens itself, what the older special_tokens_map.json says.
role_tokens read_named_tokens(const config_reader& config, const config_reader& special_map, bool use_map,
                              const role_tokens& defaults) {
  role_tokens named;
  for (const std::string role : roles) {
    auto found = read_named(config, role, /*special=*/false);
    if (use_map) {
      if (auto mapped = read_named(special_map, role, /*special=*/true)) found = std::move(mapped);
    }
    if (found) {
      found->token.special = true;
      named[role] = std::move(found->token);
    }
  }
  named.insert(defaults.begin(), defaults.end());
  return named;
}

/// Reads the tokens that are listed with their ids, in the order of the ids: `added_tokens_decoder` of
/// tokenizer_config.json, or `added_tokens` of tokenizer.json, or added_tokens.json.
std::map<std::int64_t, added_token> read_listed(const fs::path& directory, const config_reader& config,
                                                const std::optional<config_reader>& tokenizer_json,
                                                const role_tokens& named) {
  std::map<std::int64_t, added_token> listed;
  if (config.contains("added_tokens_decoder")) {
    const auto decoder = config.object("added_tokens_decoder");
    for (const auto& item : decoder.json().items()) {
      const auto& key = item.key();
      const bool is_number =
          !key.empty() && key.size() <= 9 && key.find_first_not_of("0123456789") == std::string::npos;
      if (!is_number) decoder.refuse_value(key, "ids as keys");
      listed[std::stoll(key)] = read_added(decoder.object(key), /*special=*/false);
    }
    return listed;
  }
  const auto added = read_if_there(directory / "added_tokens.json");
  for (const auto& item : added.json().items()) {
    const bool special =
        std::ranges::any_of(named, [&](const auto& n) { return n.second.content == item.key(); });
    listed[added.get<std::int64_t>(item.key())] = {
        .content = item.key(), .normalized = !special, .special = special};
  }
  if (tokenizer_json && tokenizer_json->contains("added_tokens")) {
    const auto& tokens = tokenizer_json->json().at("added_tokens");
    if (!tokens.is_array()) tokenizer_json->refuse_value("added_tokens", "an array");
    for (const auto& token : tokens) {
      const config_reader entry(token, tokenizer_json->location() + ": \"added_tokens\"");
      listed[entry.get<std::int64_t>("id")] = read_added(entry, /*special=*/false);
    }
  }
  return listed;
}

/// Joins the listed tokens and those with a role that the list lacks, in this order.
std::vector<added_token> join(const std::map<std::int64_t, added_token>& listed, const role_tokens& named) {
  std::vector<added_token> added;
  const auto is_in = [](const auto& tokens, const std::string& content) {
    return std::ranges::any_of(tokens, [&](const auto& entry) { return entry.second.content == content; });
  };
  for (auto [id, token] : listed) {
    token.special = token.special || is_in(named, token.content);
    added.push_back(std::move(token));
  }
  for (const auto* role : roles) {
    const auto found = named.find(role);
    if (found != named.end() && !is_in(listed, found->second.content)) added.push_back(found->second);
  }
  return added;
}

}  // namespace

tokenizer_files tokenizer_files::open(const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    throw input_error(fmt::format("{}: expected a directory of a tokenizer, found {}", directory.string(),
                                  is_there(directory) ? "a file" : "nothing"));
  }
  tokenizer_files files{.directory = directory,
                        .config = read_if_there(directory / "tokenizer_config.json"),
                        .special_map = read_if_there(directory / "special_tokens_map.json"),
                        .tokenizer_json = {}};
  if (is_there(directory / "tokenizer.json")) files.tokenizer_json.emplace(directory / "tokenizer.json");
  return files;
}

special_tokens read_special_tokens(const tokenizer_files& files, const role_tokens& defaults) {
  special_tokens tokens;
  tokens.named = read_named_tokens(files.config, files.special_map,
                                   !files.config.contains("added_tokens_decoder"), defaults);
  tokens.listed = read_listed(files.directory, files.config, files.tokenizer_json, tokens.named);
  tokens.added = join(tokens.listed, tokens.named);
  return tokens;
}

added_token plain_special(const char* content) {
  return {.content = content, .normalized = false, .special = true};
}

std::int64_t read_max_length(const tokenizer_files& files, std::int64_t fallback) {
  // transformers writes 1e30 for "no limit".
  constexpr double greatest = 1e6;
  if (files.config.get_or("model_max_length", 2 * greatest) > greatest) return fallback;
  return files.config.get<std::int64_t>("model_max_length");
}

std::unordered_map<std::string, std::int64_t> read_vocabulary(const config_reader& source) {
  std::unordered_map<std::string, std::int64_t> vocabulary;
  for (const auto& item : source.json().items())
    vocabulary.emplace(item.key(), source.get<std::int64_t>(item.key()));
  return vocabulary;
}

void check_listed(const special_tokens& tokens, const tokenizer& made, const fs::path& directory) {
  for (const auto& [id, token] : tokens.listed) {
    if (made.id(token.content) != id) {
      throw input_error(fmt::format("{}: added token {}: expected the id {}, found {}", directory.string(),
                                    in_quotes(token.content), made.id(token.content).value_or(-1), id));
    }
  }
}

}  // namespace dvar::text
