#pragma once

#include "cli/sweep/sweep_run.hpp"
#include "evaluation/bootstrap.hpp"

namespace dvar::cli {

/// A run and what is known of it.
struct sweep_row {
  sweep_run run;
  run_record record;
};

/// Half of the values lie between the quartiles.
struct spread {
  double median = 0.0;
  double low = 0.0;   ///< first quartile
  double high = 0.0;  ///< third quartile
};

/// By how much a setting differs from the first one, over the concepts that both have done.
struct paired_difference {
  std::size_t pairs = 0;
  double mean = 0.0;
  std::optional<evaluation::interval> between{};  ///< of the mean, at 95 %; see `evaluation::bootstrap_mean`
};

/// A number that every run ends with.
struct sweep_measure {
  std::string_view key;      ///< in CSV and JSON
  std::string_view heading;  ///< for people
  std::optional<double> (*value)(const run_record&);
  int digits;  ///< behind the point, for people
};

/// Steps, seconds, and the gain in CLIP image similarity. None of a run that is not done, or not scored.
const std::vector<sweep_measure>& sweep_measures();

/// What a setting came to over the concepts.
struct setting_summary {
  std::string name;
  std::size_t runs = 0;
  std::size_t done = 0;
  std::vector<std::optional<spread>> spreads{};                 ///< by measure
  std::vector<std::optional<paired_difference>> differences{};  ///< by measure; of the first setting none
};

std::vector<setting_summary> summaries_of(const std::vector<sweep_row>& rows,
                                          const std::vector<sweep_setting>& settings);

/// A line for each run.
std::string sweep_csv(const std::vector<sweep_row>& rows, const std::vector<sweep_setting>& settings);

/// For people: what each setting came to, how the settings differ, and which runs are not done and why.
std::string sweep_markdown(const std::vector<sweep_row>& rows, const std::vector<sweep_setting>& settings);

/// Runs and settings for programs.
std::string sweep_json(const std::vector<sweep_row>& rows, const std::vector<sweep_setting>& settings);

}  // namespace dvar::cli
