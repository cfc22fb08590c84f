#pragma once

#include <filesystem>
#include <vector>

namespace dvar::cli {

/// Returns the logs that a path stands for, in the order of their names: a file stands for itself; a folder for the first of these in it: `trace.jsonl`,
/// `metrics.csv`, event files (the folder then), the `trainer_state.json` of its latest checkpoint; and else for those in the folders below. Nothing
/// where there is none yet.
std::vector<std::filesystem::path> logs_at(const std::filesystem::path& path);

}  // namespace dvar::cli
