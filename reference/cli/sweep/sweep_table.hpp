#pragma once

#include <string>
#include <vector>

#include "cli/sweep/sweep_summary.hpp"

namespace dvar::cli {

/// Writes a line for each run.
std::string sweep_csv(const std::vector<sweep_row>& rows, const std::vector<sweep_setting>& settings);

/// Writes for people what each setting came to, how the settings differ, and which runs are not done and why.
std::string sweep_markdown(const std::vector<sweep_row>& rows, const std::vector<sweep_setting>& settings);

/// Writes runs and settings for programs.
std::string sweep_json(const std::vector<sweep_row>& rows, const std::vector<sweep_setting>& settings);

}  // namespace dvar::cli
