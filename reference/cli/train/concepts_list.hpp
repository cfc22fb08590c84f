#pragma once

#include "cli/train/train_options.hpp"
#include "error.hpp"

namespace dvar::cli {

/// Returns what the call does; a `dvar::input_error` of it says of which entry of `--concepts-list` it is.
template <class Call>
auto about(const concept_choice& learned, Call call) {
  try {
    return call();
  } catch (const input_error& error) {
    throw input_error(learned.where + error.what());
  }
}

/// Reads the file of `--concepts-list`: JSON as diffusers' `train_custom_diffusion.py` reads it, an array of an object for each
/// concept with `instance_data_dir`, `instance_prompt`, `class_data_dir` and `class_prompt`, and in these objects what that program has
/// in options of its own, `modifier_token` and `initializer_token`. Relative paths begin at the file's folder. What is the same for all
/// concepts is taken from the options. Throws `dvar::input_error`, which names file, entry and key, when an entry cannot be used, two
/// have one token or would be written to one file, or there are not two at least.
std::vector<concept_choice> read_concepts_list(const std::filesystem::path& file,
                                               const train_options& options);

}  // namespace dvar::cli
