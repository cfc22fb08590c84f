/// \file
/// The rows of sweeps that nobody ran.
#pragma once

#include <optional>
#include <string>

#include "cli/sweep/sweep_summary.hpp"

namespace dvar::cli {

/// Returns settings of these names without options.
inline std::vector<sweep_setting> settings_named(const std::vector<std::string>& names) {
  std::vector<sweep_setting> settings;
  for (const std::string& name : names)
    settings.push_back({.name = name, .options = {}});
  return settings;
}

/// Describes the CLIP image similarity of a run's samples.
struct similarities {
  double before = 0.0;
  double after = 0.0;
};

/// Returns a run of which nothing is known.
inline sweep_row row_of(const std::string& concept_name, std::size_t setting) {
  sweep_row row;
  row.run.concept_name = concept_name;
  row.run.setting = setting;
  row.run.setting_name = std::to_string(setting);
  return row;
}

/// Returns a run that is done, with the summary that `dvar train --json` prints.
inline sweep_row done_row(const std::string& concept_name, std::size_t setting, int step, double seconds,
                          const std::optional<similarities>& clip = std::nullopt) {
  sweep_row row = row_of(concept_name, setting);
  row.record.status = run_status::done;
  row.record.attempts = 1;
  row.record.seconds = seconds;
  row.record.summary = {{"step", step}, {"stop_rule", "variance_ratio"}};
  if (clip) row.record.summary["clip_image_similarity"] = {{"before", clip->before}, {"after", clip->after}};
  return row;
}

/// Returns a run that failed, and how.
inline sweep_row failed_row(const std::string& concept_name, std::size_t setting, const std::string& how) {
  sweep_row row = row_of(concept_name, setting);
  row.record.status = run_status::failed;
  row.record.attempts = 2;
  row.record.seconds = 1.5;
  row.record.failure = how;
  return row;
}

}  // namespace dvar::cli
