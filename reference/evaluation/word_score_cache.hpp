#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "torch.hpp"

namespace dvar::evaluation {

/// Tells pictures, float32 [n, 3, S, S], from others by their values: 16 hexadecimal digits (FNV-1a).
std::string hash_of_pictures(const at::Tensor& pictures);

/// Returns what the scores of `score_words` depend on, as JSON: the CLIP's files below `scorer_directory`
/// (names, sizes, times of the last change, and a hash of the first and last megabyte of each), hashes of the
/// pictures and the words, and the templates. Pictures and words that are the same give the same key wherever
/// they lie.
std::string word_score_key(const std::filesystem::path& scorer_directory, const at::Tensor& pictures,
                           const std::vector<std::string>& words, const std::vector<std::string>& templates);

/// Returns the scores that `directory` holds for this key, or those of `compute()`, which are then kept
/// there. A file that is broken or of another key is replaced; a directory that cannot be written to is no
/// error, only no cache.
std::vector<double> cached_word_scores(const std::filesystem::path& directory, const std::string& key,
                                       std::size_t count,
                                       const std::function<std::vector<double>()>& compute);

}  // namespace dvar::evaluation
