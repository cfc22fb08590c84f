#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <dvar/criteria/any_criterion.hpp>

#include "cli/replay/replay_table.hpp"

namespace dvar::cli {

/// A rule with what it is shown.
struct played_rule {
  std::string text;
  any_criterion criterion;
  std::string column;
};

/// `train --stop`'s rule, for a column or, where that is empty, for the one that such a rule watches.
/// \throws dvar::input_error that begins with `--stop`.
played_rule make_played_rule(const std::string& text, const std::string& column);

/// Plays every rule of every grid on every trace, trace after trace. A grid of variance ratios takes one pass a window
/// unless all of the results are wanted: without `whole_results`, a result may have nothing but where it stopped.
/// \throws dvar::input_error for a file that is no trace.
std::vector<replayed_rule> play_all(const std::vector<std::filesystem::path>& traces,
                                    const std::vector<std::vector<played_rule>>& grids, bool whole_results);

}  // namespace dvar::cli
