#include <algorithm>

#include <fmt/format.h>

#include "error.hpp"
#include "text/clip_tokenizer.hpp"
#include "text/tokenizer_files.hpp"
#include "weights/messages.hpp"
#include "weights/read_file.hpp"

namespace dvar::text {
namespace {

namespace fs = std::filesystem;
using weights::config_reader;
using weights::in_quotes;

std::pair<std::string, std::string> split_merge(std::string_view merge, const std::string& location) {
  const auto space = merge.find(' ');
  if (space == 0 || space >= merge.size() - 1 || merge.find(' ', space + 1) != std::string_view::npos) {
    throw input_error(
        fmt::format("{}: expected two tokens with a space between, found {}", location, in_quotes(merge)));
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

/// Reads the merges of tokenizer.json: `"left right"` or, since tokenizers 0.20, `["left", "right"]`.
std::vector<std::pair<std::string, std::string>> read_merges(const config_reader& model) {
  const auto found = model.json().find("merges");
  if (found == model.json().end() || !found->is_array()) model.refuse_value("merges", "an array");
  std::vector<std::pair<std::string, std::string>> merges;
  for (const auto& merge : *found)
    if (merge.is_string())
      merges.push_back(split_merge(merge.get<std::string>(), model.location()));
    else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
      merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    else
      model.refuse_value("merges", "pairs of tokens");
  return merges;
}

/// Reads the vocabulary and merges, from tokenizer.json where there is one, as transformers does.
void read_model(const tokenizer_files& files, clip_tokenizer_data& data) {
  if (files.tokenizer_json) {
    const auto model = files.tokenizer_json->object("model");
    if (model.get_or<std::string>("type", "BPE") != "BPE") model.refuse_value("type", "\"BPE\"");
    data.vocabulary = read_vocabulary(model.object("vocab"));
    data.merges = read_merges(model);
    return;
  }
  data.vocabulary = read_vocabulary(config_reader(files.directory / "vocab.json"));
  data.merges = read_merges(files.directory / "merges.txt");
}

}  // namespace

clip_tokenizer clip_tokenizer::from_directory(const fs::path& directory) {
  return from_files(tokenizer_files::open(directory));
}

clip_tokenizer clip_tokenizer::from_files(const tokenizer_files& files) {
  clip_tokenizer_data data;
  read_model(files, data);
  const auto end = plain_special("<|endoftext|>");
  const auto tokens = read_special_tokens(files, {{"bos_token", plain_special("<|startoftext|>")},
                                                  {"eos_token", end},
                                                  {"unk_token", end},
                                                  {"pad_token", end}});
  data.added = tokens.added;
  data.bos = tokens.named.at("bos_token").content;
  data.eos = tokens.named.at("eos_token").content;
  data.pad = tokens.named.at("pad_token").content;
  data.unk = tokens.named.at("unk_token").content;
  data.max_length = read_max_length(files, data.max_length);
  clip_tokenizer made(std::move(data), files.directory.string());
  check_listed(tokens, made, files.directory);
  return made;
}

}  // namespace dvar::text
