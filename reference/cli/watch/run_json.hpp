#pragma once

#include <string>
#include <vector>

#include "cli/watch/watched_logs.hpp"

namespace dvar::cli {

/// Returns what the page of `dvar watch --serve` shows, as the JSON that `reporting::render_live_page` asks for; curves are thinned out to what
/// can be seen. Takes O(values) time.
std::string to_json(const std::vector<seen_log>& logs, const std::string& rule);

}  // namespace dvar::cli
