#include "evaluation/word_score_cache.hpp"

#include <algorithm>
#include <fstream>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "error.hpp"
#include "weights/content_hash.hpp"
#include "weights/safetensors.hpp"
#include "weights/tensor_file.hpp"

namespace dvar::evaluation {
namespace {

namespace fs = std::filesystem;

constexpr const char* scores_name = "scores";
constexpr const char* key_name = "key";

std::string hash_of(std::string_view bytes) {
  weights::content_hash hash;
  hash.add(bytes);
  return hash.text();
}

/// Hashes a file's first and last megabyte: weights are gigabytes, and their header and sizes are in the first.
std::string hash_of_ends(const fs::path& file, std::uintmax_t size) {
  constexpr std::uintmax_t part = 1 << 20;
  std::ifstream in{file, std::ios::binary};
  std::string bytes(static_cast<std::size_t>(std::min(part, size)), '\0');
  weights::content_hash hash;
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  hash.add(bytes);
  in.seekg(static_cast<std::streamoff>(size - bytes.size()));
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  hash.add(bytes);
  return hash.text();
}

nlohmann::json files_of(const fs::path& directory) {
  // Of a model directory, the parts that make a CLIP.
  std::vector<fs::path> folders{directory};
  if (!fs::exists(directory / "config.json")) {
    folders = {directory / "feature_extractor", directory / "image_encoder", directory / "text_encoder",
               directory / "tokenizer"};
  }
  std::vector<fs::path> files;
  for (const fs::path& folder : folders) {
    if (!fs::is_directory(folder)) continue;
    for (const fs::directory_entry& entry : fs::directory_iterator{folder})
      if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  nlohmann::json list = nlohmann::json::array();
  for (const fs::path& file : files) {
    const std::uintmax_t size = fs::file_size(file);
    list.push_back({fs::relative(file, directory).generic_string(), size,
                    fs::last_write_time(file).time_since_epoch().count(), hash_of_ends(file, size)});
  }
  return list;
}

std::optional<std::vector<double>> read_scores(const fs::path& file, const std::string& key,
                                               std::size_t count) {
  try {
    if (!fs::exists(file)) return std::nullopt;
    const weights::tensor_file stored{file};
    const auto found = stored.metadata().find(key_name);
    if (found == stored.metadata().end() || found->second != key || !stored.contains(scores_name))
      return std::nullopt;
    const at::Tensor scores = stored.tensor(scores_name);
    if (scores.scalar_type() != at::kDouble || scores.numel() != static_cast<std::int64_t>(count))
      return std::nullopt;
    return std::vector<double>(scores.data_ptr<double>(), scores.data_ptr<double>() + count);
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
}

void keep_scores(const fs::path& file, const std::string& key, const std::vector<double>& scores) {
  try {
    fs::create_directories(file.parent_path());
    weights::write_safetensors(file, {{scores_name, torch::tensor(scores, at::kDouble)}}, {{key_name, key}});
  } catch (const std::runtime_error&) {
    // A full disk or a read-only directory: the scores are there all the same.
  }
}

}  // namespace

std::string hash_of_pictures(const at::Tensor& pictures) {
  const at::Tensor pixels = pictures.to(at::kCPU, at::kFloat).contiguous();
  return hash_of({static_cast<const char*>(pixels.data_ptr()), pixels.nbytes()});
}

std::string word_score_key(const fs::path& scorer_directory, const at::Tensor& pictures,
                           const std::vector<std::string>& words, const std::vector<std::string>& templates) {
  weights::content_hash all_words;
  for (const std::string& word : words)
    all_words.add(word + "\n");
  return nlohmann::json{{"clip", files_of(scorer_directory)},
                        {"pictures", {pictures.sizes().vec(), hash_of_pictures(pictures)}},
                        {"words", {words.size(), all_words.text()}},
                        {"templates", templates}}
      .dump();
}

std::vector<double> cached_word_scores(const fs::path& directory, const std::string& key, std::size_t count,
                                       const std::function<std::vector<double>()>& compute) {
  const fs::path file = directory / "word-scores" / (hash_of(key) + ".safetensors");
  if (std::optional<std::vector<double>> kept = read_scores(file, key, count)) return *std::move(kept);
  std::vector<double> scores = compute();
  keep_scores(file, key, scores);
  return scores;
}

}  // namespace dvar::evaluation
