#include <algorithm>

#include <fmt/format.h>

#include "error.hpp"
#include "text/tokenizer_files.hpp"
#include "text/unicode.hpp"
#include "text/wordpiece_tokenizer.hpp"
#include "weights/messages.hpp"
#include "weights/read_file.hpp"

namespace dvar::text {
namespace {

namespace fs = std::filesystem;
using weights::in_quotes;

constexpr const char* model_type = "WordPiece";

std::string_view without_spaces_at_end(std::string_view line) {
  const auto code_points = decode_utf8(line);
  const auto end = std::find_if_not(code_points.rbegin(), code_points.rend(), is_space).base();
  return line.substr(
      0, encode_utf8({code_points.data(), static_cast<std::size_t>(end - code_points.begin())}).size());
}

/// Reads a token a line; its number, from 0, is its id.
std::unordered_map<std::string, std::int64_t> read_lines(const fs::path& path) {
  const auto text = weights::read_file(path);
  std::unordered_map<std::string, std::int64_t> tokens;
  std::string_view rest = text;
  for (std::int64_t id = 0; !rest.empty(); ++id) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const auto token = without_spaces_at_end(line);
    const auto [first, is_new] = tokens.emplace(token, id);
    if (!is_new) {
      throw input_error(fmt::format("{}: line {}: expected each token once, found {} again (line {})",
                                    path.string(), id + 1, in_quotes(token), first->second + 1));
    }
  }
  return tokens;
}

std::unordered_map<std::string, std::int64_t> read_model(const tokenizer_files& files) {
  if (!files.tokenizer_json) return read_lines(files.directory / "vocab.txt");
  const auto model = files.tokenizer_json->object("model");
  if (model.get_or<std::string>("type", model_type) != model_type)
    model.refuse_value("type", "\"WordPiece\"");
  return read_vocabulary(model.object("vocab"));
}

}  // namespace

bool holds_wordpiece(const tokenizer_files& files) {
  if (!files.tokenizer_json) return is_there(files.directory / "vocab.txt");
  const nlohmann::json& described = files.tokenizer_json->json();
  const auto model = described.find("model");
  // A reader of the model's object would copy the whole vocabulary.
  if (model == described.end() || !model->is_object()) return false;
  const auto type = model->find("type");
  return type != model->end() && *type == model_type;
}

wordpiece_tokenizer wordpiece_tokenizer::from_directory(const fs::path& directory) {
  return from_files(tokenizer_files::open(directory));
}

wordpiece_tokenizer wordpiece_tokenizer::from_files(const tokenizer_files& files) {
  wordpiece_tokenizer_data data;
  data.vocabulary = read_model(files);
  const auto tokens = read_special_tokens(files, {{"unk_token", plain_special("[UNK]")},
                                                  {"sep_token", plain_special("[SEP]")},
                                                  {"pad_token", plain_special("[PAD]")},
                                                  {"cls_token", plain_special("[CLS]")},
                                                  {"mask_token", plain_special("[MASK]")}});
  data.added = tokens.added;
  data.cls = tokens.named.at("cls_token").content;
  data.sep = tokens.named.at("sep_token").content;
  data.pad = tokens.named.at("pad_token").content;
  data.unk = tokens.named.at("unk_token").content;
  data.lower_case = files.config.get_or("do_lower_case", true);
  data.strip_accents = files.config.find<bool>("strip_accents");
  data.tokenize_chinese_chars = files.config.get_or("tokenize_chinese_chars", true);
  data.max_length = read_max_length(files, data.max_length);
  wordpiece_tokenizer made(std::move(data), files.directory.string());
  check_listed(tokens, made, files.directory);
  return made;
}

}  // namespace dvar::text
