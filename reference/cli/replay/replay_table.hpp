#pragma once

#include <map>
#include <string>
#include <vector>

#include <dvar/trace/replay.hpp>

#include "cli/replay/recent_mean.hpp"
#include "cli/replay/rule_grid.hpp"

namespace dvar::cli {

/// Says what a rule would have done on a trace.
struct replayed_rule {
  std::string trace;   ///< is the file's path
  std::string rule;    ///< is the rule's text
  std::string column;  ///< names what it was shown
  replay_result result;
  std::size_t last_step = 0;    ///< is the last of the trace
  std::optional<double> value;  ///< is that of the column at the stop
  /// Says how sure the mean of the column's last values is, where that is asked for.
  std::optional<recent_mean> recent{};
};

enum class table_form : std::uint8_t { text, csv, json };

/// Writes all of `rows`, in the order given, and for people also how often and when each rule stopped where
/// there are several traces.
std::string describe(const std::vector<replayed_rule>& rows, table_form form);

/// Says what a rule did on all traces.
struct rule_summary {
  std::size_t traces = 0;
  std::size_t stops = 0;
  /// Holds the median step at which it stops. A run that it does not stop counts as longer than all others:
  /// no value if that is what the middle is.
  std::optional<double> median;
};

/// Returns the summaries by the rules' texts. Takes O(rows log rows) time.
std::map<std::string, rule_summary> summaries_of(const std::vector<replayed_rule>& rows);

/// Returns the heading and a row for each of `rows`, as text.
std::vector<std::vector<std::string>> cells_of(const std::vector<replayed_rule>& rows);

}  // namespace dvar::cli
