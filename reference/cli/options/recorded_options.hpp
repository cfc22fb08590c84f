/// Records the options in `config.json`, and says what differs between two such records.
#pragma once

#include <span>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "cli/options/option_row.hpp"

namespace dvar::cli {

/// Returns the key of an option: `weight_decay` of `--weight-decay`.
std::string key_of(std::string_view name);

/// Returns an object with the value of each option that decides the run, by its key. Options that are not
/// set, or that nothing would read, are left out.
nlohmann::json recorded_options(const option_rows& rows);

/// Says what a key of the record that is no option's is called: `ranks` is "the number of ranks".
struct recorded_fact {
  std::string_view key;
  std::string_view words;
};

/// Returns a sentence about every key whose value is not the same in both: `--batch was 4 in the run in OUT
/// and is 2 now`.
std::vector<std::string> differences(const nlohmann::json& saved, const nlohmann::json& now,
                                     const option_rows& rows, std::span<const recorded_fact> facts,
                                     const std::filesystem::path& output);

}  // namespace dvar::cli
