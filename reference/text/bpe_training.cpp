#include "text/bpe_training.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <queue>
#include <system_error>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "error.hpp"
#include "text/byte_alphabet.hpp"
#include "text/clip_words.hpp"
#include "weights/atomic_file.hpp"

namespace dvar::text {
namespace {

constexpr std::string_view bos = "<|startoftext|>";
constexpr std::string_view eos = "<|endoftext|>";
constexpr std::int64_t special_token_count = 2;

/// Names two symbols that stand side by side, by their ids.
using pair_key = std::uint64_t;

pair_key key_of(std::uint32_t left, std::uint32_t right) {
  return pair_key{left} << 32 | right;
}
std::uint32_t left_of(pair_key key) {
  return static_cast<std::uint32_t>(key >> 32);
}
std::uint32_t right_of(pair_key key) {
  return static_cast<std::uint32_t>(key);
}

struct word {
  std::vector<std::uint32_t> symbols;
  std::int64_t count;
};

struct pair_statistics {
  std::int64_t count = 0;
  /// The words where the pair has occurred; it may have been merged away since.
  std::unordered_set<std::size_t> words;
};

/// Keeps words under merging, with the count of every pair kept up to date, so that a merge costs as much as
/// it changes.
class merge_learner {
 public:
  merge_learner(const word_counts& counts, std::vector<std::string>& tokens) : tokens_(tokens) {
    std::array<std::uint32_t, 256> id_of_byte{};
    for (std::uint32_t id = 0; id < 256; ++id)
      id_of_byte[vocabulary_byte_order()[id]] = id;
    for (const auto& [text, count] : counts) {
      if (text.empty()) continue;
      word entry{.symbols = {}, .count = count};
      for (const auto character : text)
        entry.symbols.push_back(id_of_byte[static_cast<unsigned char>(character)]);
      entry.symbols.back() += 256;  // its form with </w>
      words_.push_back(std::move(entry));
    }
    for (std::size_t index = 0; index < words_.size(); ++index)
      count_pairs(index, +1);
    for (const auto& [key, statistics] : pairs_)
      queue_.push(candidate_of(key));
  }

  /// Returns the most frequent pair, or none when none occurs `minimum_count` times.
  std::optional<pair_key> best(std::int64_t minimum_count) {
    while (!queue_.empty()) {
      const auto top = queue_.top();
      queue_.pop();
      if (pairs_.at(top.key).count != top.count) continue;  // counted anew since, and queued again
      return top.count >= minimum_count ? std::optional(top.key) : std::nullopt;
    }
    return std::nullopt;
  }

  /// Replaces the pair by the symbol `result` in every word.
  void merge(pair_key key, std::uint32_t result) {
    changed_.clear();
    const auto places = std::move(pairs_.at(key).words);
    for (const auto index : places) {
      count_pairs(index, -1);
      auto& symbols = words_[index].symbols;
      std::size_t end = 0;
      for (std::size_t i = 0; i < symbols.size(); ++i) {
        const bool here = i + 1 < symbols.size() && key_of(symbols[i], symbols[i + 1]) == key;
        symbols[end++] = here ? result : symbols[i];
        if (here) ++i;
      }
      symbols.resize(end);
      count_pairs(index, +1);
    }
    for (const auto changed : changed_)
      queue_.push(candidate_of(changed));
  }

 private:
  struct candidate {
    std::int64_t count;
    pair_key key;
    std::string_view left;
    std::string_view right;

    /// Orders the queue so that the highest count comes first, then the first in byte order.
    bool operator<(const candidate& other) const {
      return count != other.count ? count < other.count
                                  : std::tie(left, right) > std::tie(other.left, other.right);
    }
  };

  [[nodiscard]] candidate candidate_of(pair_key key) const {
    return {pairs_.at(key).count, key, tokens_[left_of(key)], tokens_[right_of(key)]};
  }

  void count_pairs(std::size_t index, std::int64_t sign) {
    const auto& [symbols, count] = words_[index];
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto key = key_of(symbols[i], symbols[i + 1]);
      auto& statistics = pairs_[key];
      statistics.count += sign * count;
      if (sign > 0) statistics.words.insert(index);
      changed_.insert(key);
    }
  }

  const std::vector<std::string>& tokens_;  ///< never reallocated while candidates view it
  std::vector<word> words_;
  std::unordered_map<pair_key, pair_statistics> pairs_;
  std::unordered_set<pair_key> changed_;
  std::priority_queue<candidate> queue_;
};

/// Returns each byte alone, then each with the end-of-word mark.
std::vector<std::string> byte_tokens() {
  std::vector<std::string> tokens;
  for (const auto suffix : {std::string_view(), word_end})
    for (const auto byte : vocabulary_byte_order())
      tokens.push_back(byte_symbols()[byte] + std::string(suffix));
  return tokens;
}

}  // namespace

void count_words(std::string_view utf8, word_counts& counts) {
  const auto normalized = normalize_for_clip(utf8);
  for (const auto text : split_clip_words(normalized)) {
    const auto found = counts.find(text);
    if (found == counts.end())
      counts.emplace(text, 1);
    else
      ++found->second;
  }
}

bpe_vocabulary train_bpe(const word_counts& counts, const bpe_training_options& options) {
  bpe_vocabulary vocabulary{.tokens = byte_tokens(), .merges = {}};
  const auto smallest = static_cast<std::int64_t>(vocabulary.tokens.size()) + special_token_count;
  constexpr std::int64_t largest = 10'000'000;
  if (options.vocabulary_size < smallest || options.vocabulary_size > largest) {
    throw input_error(fmt::format("vocabulary size: expected {} to {}, found {}", smallest, largest,
                                  options.vocabulary_size));
  }
  if (options.minimum_count < 1) {
    throw input_error(
        fmt::format("minimum count of a pair: expected at least 1, found {}", options.minimum_count));
  }
  for (const auto& [text, count] : counts)
    if (count < 0)
      throw input_error(fmt::format("count of the word {}: expected at least 0, found {}", text, count));

  auto& tokens = vocabulary.tokens;
  tokens.reserve(static_cast<std::size_t>(options.vocabulary_size));
  merge_learner learner(counts, tokens);
  while (static_cast<std::int64_t>(tokens.size()) < options.vocabulary_size - special_token_count) {
    const auto pair = learner.best(options.minimum_count);
    if (!pair) break;
    vocabulary.merges.emplace_back(tokens[left_of(*pair)], tokens[right_of(*pair)]);
    tokens.push_back(tokens[left_of(*pair)] + tokens[right_of(*pair)]);
    learner.merge(*pair, static_cast<std::uint32_t>(tokens.size() - 1));
  }
  tokens.emplace_back(bos);
  tokens.emplace_back(eos);
  return vocabulary;
}

void write_clip_tokenizer(const std::filesystem::path& directory, const bpe_vocabulary& vocabulary,
                          std::int64_t max_length) {
  using nlohmann::ordered_json;
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw input_error(fmt::format("{}: cannot be created: {}", directory.string(), error.message()));

  std::string vocab = "{";
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id)
    vocab += fmt::format("{}\n  {}: {}", id == 0 ? "" : ",", ordered_json(vocabulary.tokens[id]).dump(), id);
  vocab += "\n}\n";
  weights::write_atomically(directory / "vocab.json", vocab);

  std::string merges = "#version: 0.2\n";
  for (const auto& [left, right] : vocabulary.merges)
    merges += fmt::format("{} {}\n", left, right);
  weights::write_atomically(directory / "merges.txt", merges);

  const ordered_json special{{"bos_token", bos}, {"eos_token", eos}, {"unk_token", eos}, {"pad_token", eos}};
  weights::write_atomically(directory / "special_tokens_map.json", special.dump(2) + "\n");

  ordered_json config{{"tokenizer_class", "CLIPTokenizer"},
                      {"model_max_length", max_length},
                      {"do_lower_case", true},
                      {"add_prefix_space", false},
                      {"errors", "replace"}};
  config.update(special);
  weights::write_atomically(directory / "tokenizer_config.json", config.dump(2) + "\n");
}

}  // namespace dvar::text
