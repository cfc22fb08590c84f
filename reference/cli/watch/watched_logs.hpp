#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cli/replay/played_rules.hpp"
#include "cli/watch/watched_run.hpp"

namespace dvar::cli {

/// Holds a log and what it gives: where its run stands, or in a sentence why that cannot be said.
struct seen_log {
  std::filesystem::path log;
  std::variant<watched_run, std::string> state;
};

/// Finds the logs below some paths, and remembers what was made of each.
class watched_logs {
 public:
  /// Throws `dvar::input_error` when a path leads nowhere.
  watched_logs(std::vector<std::filesystem::path> paths, played_rule rule);

  /// Returns all that is there now, in the order of the paths. Logs that have not changed are not read again; a path without a log says so.
  std::vector<seen_log> look();

 private:
  /// Says whether a file or a folder of event files is as it was: bytes and time of all that is in it.
  using stamp = std::map<std::filesystem::path, std::pair<std::uintmax_t, std::filesystem::file_time_type>>;

  struct remembered {
    stamp at{};
    std::variant<watched_run, std::string> state{};
  };

  static stamp stamp_of(const std::filesystem::path& log);

  std::vector<std::filesystem::path> paths_;
  played_rule rule_;
  std::map<std::filesystem::path, remembered> logs_;
};

}  // namespace dvar::cli
