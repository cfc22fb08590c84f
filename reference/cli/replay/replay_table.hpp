#pragma once

#include <map>
#include <string>
#include <vector>

#include <dvar/trace/replay.hpp>

#include "cli/replay/rule_grid.hpp"

namespace dvar::cli {

/// What a rule would have done on a trace.
struct replayed_rule {
  std::string trace;   ///< the file's path
  std::string rule;    ///< the rule's text
  std::string column;  ///< what it was shown
  replay_result result;
  std::size_t last_step = 0;    ///< of the trace
  std::optional<double> value;  ///< of the column, at the stop
};

enum class table_form : std::uint8_t { text, csv, json };

/// All of them, in the order given, and for people also how often and when each rule stopped where there are several
/// traces.
std::string describe(const std::vector<replayed_rule>& rows, table_form form);

/// What a rule did on all traces.
struct rule_summary {
  std::size_t traces = 0;
  std::size_t stops = 0;
  /// The step at which it stops. A run that it does not stop counts as longer than all others: no value if that is what
  /// the middle is.
  std::optional<double> median;
};

/// By the rules' texts. O(rows log rows) time.
std::map<std::string, rule_summary> summaries_of(const std::vector<replayed_rule>& rows);

/// The heading and a row for each of `rows`, as text.
std::vector<std::vector<std::string>> cells_of(const std::vector<replayed_rule>& rows);

}  // namespace dvar::cli
