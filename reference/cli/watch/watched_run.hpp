#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "cli/replay/played_rules.hpp"
#include "cli/watch/forecast.hpp"

namespace dvar::cli {

/// Says where a run stands, as of its log.
struct watched_run {
  std::filesystem::path log;
  std::string column;  ///< names what is shown
  std::size_t last_step = 0;
  step_values values;  ///< are those of the column
  std::string judged;  ///< names the number that the rule judges by; empty where it has none
  std::optional<stop_bound> stops{};
  step_values numbers{};
  std::optional<std::size_t> stopped_at{};  ///< is where the rule stops
  std::optional<std::size_t> forecast{};    ///< is where it would, if the numbers go on as they do
  std::string reason{};                     ///< is the rule's sentence at its stop, or now
  std::optional<double> untouched{};        ///< is what the column's loss was before the first step
};

/// Reads a log and shows it to a rule. Throws `dvar::input_error` when it cannot be read.
watched_run look_at(const std::filesystem::path& log, const played_rule& rule);

}  // namespace dvar::cli
