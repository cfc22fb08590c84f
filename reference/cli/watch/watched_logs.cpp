#include "cli/watch/watched_logs.hpp"

#include <fmt/format.h>

#include "cli/watch/found_logs.hpp"
#include "error.hpp"

namespace dvar::cli {

watched_logs::watched_logs(std::vector<std::filesystem::path> paths, played_rule rule)
    : paths_{std::move(paths)}, rule_{std::move(rule)} {
  for (const std::filesystem::path& path : paths_)
    if (!std::filesystem::exists(path))
      throw input_error(
          fmt::format("{}: expected a log of a run, or a folder of them, found nothing", path.string()));
}

watched_logs::stamp watched_logs::stamp_of(const std::filesystem::path& log) {
  std::error_code gone;
  stamp of{{log, {std::filesystem::file_size(log, gone), std::filesystem::last_write_time(log, gone)}}};
  for (std::filesystem::directory_iterator each(log, gone), end; !gone && each != end; each.increment(gone))
    of[each->path()] = {std::filesystem::file_size(each->path(), gone),
                        std::filesystem::last_write_time(each->path(), gone)};
  return of;
}

std::vector<seen_log> watched_logs::look() {
  std::vector<seen_log> seen;
  for (const std::filesystem::path& path : paths_) {
    const std::vector<std::filesystem::path> found = logs_at(path);
    if (found.empty())
      seen.push_back({path, fmt::format("{}: expected a log of a run, found none yet", path.string())});
    for (const std::filesystem::path& log : found) {
      const stamp now = stamp_of(log);
      const auto [place, is_new] = logs_.try_emplace(log);
      remembered& last = place->second;
      if (is_new || last.at != now) {
        last.at = now;
        try {
          last.state = look_at(log, rule_);
        } catch (const input_error& error) {
          last.state = error.what();
        }
      }
      seen.push_back({log, last.state});
    }
  }
  return seen;
}

}  // namespace dvar::cli
