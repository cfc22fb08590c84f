#include "error.hpp"
#include "text/clip_tokenizer.hpp"
#include "weights/config.hpp"
#include "weights/messages.hpp"
#include "weights/read_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <system_error>

namespace dvar::text {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using weights::config_reader;
using weights::in_quotes;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// The file as a configuration, or an empty one if it is missing.
config_reader read_if_there(const fs::path& path) {
  return is_there(path) ? config_reader(path) : config_reader(json::object(), path.string());
}

std::unordered_map<std::string, std::int64_t> read_vocabulary(const config_reader& source) {
  std::unordered_map<std::string, std::int64_t> vocabulary;
  for (const auto& item : source.json().items()) {
    vocabulary.emplace(item.key(), source.get<std::int64_t>(item.key()));
  }
  return vocabulary;
}

std::pair<std::string, std::string> split_merge(std::string_view merge, const std::string& where) {
  const auto space = merge.find(' ');
  if (space == 0 || space >= merge.size() - 1 || merge.find(' ', space + 1) != std::string_view::npos) {
    throw input_error(
        fmt::format("{}: expected two tokens with a space between, found {}", where, in_quotes(merge)));
  }
  return {std::string(merge.substr(0, space)), std::string(merge.substr(space + 1))};
}

std::vector<std::pair<std::string, std::string>> read_merges(const fs::path& path) {
  const auto text = weights::read_file(path);
  std::vector<std::pair<std::string, std::string>> merges;
  std::string_view rest = text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool last_is_empty = line.empty() && rest.empty();
    if (line.starts_with("#version") || last_is_empty) continue;
    merges.push_back(split_merge(line, fmt::format("{}: line {}", path.string(), number)));
  }
  return merges;
}

/// The merges of tokenizer.json: `"left right"` or, since tokenizers 0.20, `["left", "right"]`.
std::vector<std::pair<std::string, std::string>> read_merges(const config_reader& model) {
  const auto found = model.json().find("merges");
  if (found == model.json().end() || !found->is_array()) model.refuse("merges", "an array");
  std::vector<std::pair<std::string, std::string>> merges;
  for (const auto& merge : *found) {
    if (merge.is_string()) {
      merges.push_back(split_merge(merge.get<std::string>(), model.where()));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      model.refuse("merges", "pairs of tokens");
    }
  }
  return merges;
}

/// The vocabulary and merges, from tokenizer.json where there is one, as transformers reads them.
void read_model(const fs::path& directory, const std::optional<config_reader>& tokenizer_json,
                clip_tokenizer_data& data) {
  if (tokenizer_json) {
    const auto model = tokenizer_json->object("model");
    if (model.get_or<std::string>("type", "BPE") != "BPE") model.refuse("type", "\"BPE\"");
    data.vocabulary = read_vocabulary(model.object("vocab"));
    data.merges = read_merges(model);
    return;
  }
  data.vocabulary = read_vocabulary(config_reader(directory / "vocab.json"));
  data.merges = read_merges(directory / "merges.txt");
}

/// An `AddedToken` as the files write it. Where they leave `normalized` out it is the opposite of `special`.
added_token read_added(const config_reader& entry, bool special) {
  return {.content = entry.get<std::string>("content"),
          .single_word = entry.get_or("single_word", false),
          .lstrip = entry.get_or("lstrip", false),
          .rstrip = entry.get_or("rstrip", false),
          .normalized = entry.get_or("normalized", !special),
          .special = entry.get_or("special", special)};
}

/// A token that a file gives either as its text or as an `AddedToken`.
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

using named_tokens = std::map<std::string, added_token>;

/// The tokens by role: transformers' defaults, what tokenizer_config.json says, and unless that lists all
/// added tokens itself, what the older special_tokens_map.json says.
named_tokens read_named_tokens(const config_reader& config, const config_reader& special_map, bool use_map) {
  named_tokens named;
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
  const added_token start{.content = "<|startoftext|>", .normalized = false, .special = true};
  const added_token end{.content = "<|endoftext|>", .normalized = false, .special = true};
  named.try_emplace("bos_token", start);
  for (const auto* role : {"eos_token", "unk_token", "pad_token"})
    named.try_emplace(role, end);
  return named;
}

/// Tokens that are listed with their ids, in the order of the ids: `added_tokens_decoder` of
/// tokenizer_config.json, or `added_tokens` of tokenizer.json, or added_tokens.json.
std::map<std::int64_t, added_token> read_listed(const fs::path& directory, const config_reader& config,
                                                const std::optional<config_reader>& tokenizer_json,
                                                const named_tokens& named) {
  std::map<std::int64_t, added_token> listed;
  if (config.contains("added_tokens_decoder")) {
    const auto decoder = config.object("added_tokens_decoder");
    for (const auto& item : decoder.json().items()) {
      const auto& key = item.key();
      const bool is_number =
          !key.empty() && key.size() <= 9 && key.find_first_not_of("0123456789") == std::string::npos;
      if (!is_number) decoder.refuse(key, "ids as keys");
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
    if (!tokens.is_array()) tokenizer_json->refuse("added_tokens", "an array");
    for (const auto& token : tokens) {
      const config_reader entry(token, tokenizer_json->where() + ": \"added_tokens\"");
      listed[entry.get<std::int64_t>("id")] = read_added(entry, /*special=*/false);
    }
  }
  return listed;
}

/// The listed tokens, then those with a role that the list lacks.
std::vector<added_token> join(const std::map<std::int64_t, added_token>& listed, const named_tokens& named) {
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

clip_tokenizer clip_tokenizer::from_directory(const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    throw input_error(fmt::format("{}: expected a directory of a tokenizer, found {}", directory.string(),
                                  is_there(directory) ? "a file" : "nothing"));
  }
  const auto config = read_if_there(directory / "tokenizer_config.json");
  const auto special_map = read_if_there(directory / "special_tokens_map.json");
  std::optional<config_reader> tokenizer_json;
  if (is_there(directory / "tokenizer.json")) tokenizer_json.emplace(directory / "tokenizer.json");

  clip_tokenizer_data data;
  read_model(directory, tokenizer_json, data);
  const auto named = read_named_tokens(config, special_map, !config.contains("added_tokens_decoder"));
  const auto listed = read_listed(directory, config, tokenizer_json, named);
  data.added = join(listed, named);
  data.bos = named.at("bos_token").content;
  data.eos = named.at("eos_token").content;
  data.pad = named.at("pad_token").content;
  data.unk = named.at("unk_token").content;
  // transformers writes 1e30 for "no limit".
  constexpr double greatest = 1e6;
  if (config.get_or("model_max_length", 2 * greatest) <= greatest) {
    data.max_length = config.get<std::int64_t>("model_max_length");
  }
  clip_tokenizer tokenizer(std::move(data), directory.string());
  for (const auto& [id, token] : listed) {
    if (tokenizer.id(token.content) != id) {
      throw input_error(fmt::format("{}: added token {}: expected the id {}, found {}", directory.string(),
                                    in_quotes(token.content), tokenizer.id(token.content).value_or(-1), id));
    }
  }
  return tokenizer;
}

}  // namespace dvar::text
