#include "cli/watch/found_logs.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <system_error>

#include <dvar/text/number.hpp>

namespace dvar::cli {
namespace {

/// Returns what is in a folder, in the order of names. What vanishes meanwhile, or may not be looked at, is not there.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> entries;
  std::error_code gone;
  for (std::filesystem::directory_iterator each(folder, gone), end; !gone && each != end;
       each.increment(gone))
    entries.push_back(each->path());
  std::ranges::sort(entries);
  return entries;
}

/// Returns the number of Hugging Face's folder `checkpoint-N`.
std::optional<std::size_t> checkpoint_of(const std::filesystem::path& folder) {
  const std::string name = folder.filename().string();
  constexpr std::string_view prefix = "checkpoint-";
  return name.starts_with(prefix) ? parse_number<std::size_t>(name.substr(prefix.size())) : std::nullopt;
}

bool is_file(const std::filesystem::path& path) {
  std::error_code gone;
  return std::filesystem::is_regular_file(path, gone);
}

/// Returns the log that lies in the folder itself.
std::optional<std::filesystem::path> log_in(const std::filesystem::path& folder,
                                            const std::vector<std::filesystem::path>& entries) {
  for (const char* const name : {"trace.jsonl", "metrics.csv"})
    if (is_file(folder / name)) return folder / name;
  std::optional<std::filesystem::path> latest;
  std::size_t latest_number = 0;
  for (const std::filesystem::path& entry : entries) {
    if (entry.filename().string().find("tfevents") != std::string::npos) return folder;
    const auto number = checkpoint_of(entry);
    if (!number || (latest && *number < latest_number) || !is_file(entry / "trainer_state.json")) continue;
    latest = entry / "trainer_state.json";
    latest_number = *number;
  }
  return latest;
}

}  // namespace

std::vector<std::filesystem::path> logs_at(const std::filesystem::path& path) {
  std::error_code gone;
  if (!std::filesystem::is_directory(path, gone)) {
    if (std::filesystem::exists(path, gone)) return {path};
    return {};
  }
  const std::vector<std::filesystem::path> entries = entries_of(path);
  if (const auto log = log_in(path, entries)) return {*log};
  std::vector<std::filesystem::path> logs;
  for (const std::filesystem::path& entry : entries) {
    // A link to a folder above would lead round and round.
    if (std::filesystem::is_symlink(entry, gone) || !std::filesystem::is_directory(entry, gone)) continue;
    const std::vector<std::filesystem::path> below = logs_at(entry);
    logs.insert(logs.end(), below.begin(), below.end());
  }
  return logs;
}

}  // namespace dvar::cli
