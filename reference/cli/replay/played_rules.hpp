#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <dvar/criteria/any_criterion.hpp>
#include <dvar/rules/variance_ratio.hpp>

#include "cli/replay/replay_table.hpp"
#include "cli/replay/rule_grid.hpp"

namespace dvar::cli {

/// Holds a rule, and what it is shown.
struct played_rule {
  std::string text;
  any_criterion criterion;
  /// Names what it is shown; empty for what is clear from the log.
  std::string column;
  /// Holds the settings of a variance ratio that stands alone, of which whole grids are played at once.
  std::optional<variance_ratio_options> ratio;
  /// Says that the ratio's window counts the trace's records, with and without a value, as `train --window` counts steps. Where every
  /// third record has one, a third of them is in the window.
  bool counts_records = false;
};

/// Makes the rule of `train --stop`, for a column or, where that is empty, for the one that such a rule
/// watches. Throws `dvar::input_error`, which begins with `--stop`, when there is no such rule.
played_rule make_played_rule(const grid_rule& rule, const std::string& column);

/// Plays every rule of every grid on every trace, trace after trace. A grid of variance ratios takes one pass
/// a window unless all of the results are wanted: without `whole_results`, a result may have nothing but
/// where it stopped. Unless `mean_of` is 0, a result also says how sure the mean of so many last values is. Throws
/// `dvar::input_error` when a file is no trace.
std::vector<replayed_rule> play_all(const std::vector<std::filesystem::path>& traces,
                                    const std::vector<std::vector<played_rule>>& grids, bool whole_results,
                                    std::size_t mean_of = 0);

}  // namespace dvar::cli
