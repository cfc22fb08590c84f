#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/sweep/sweep_run.hpp"
#include "evaluation/bootstrap.hpp"

namespace dvar::cli {

/// Holds a run and what is known of it.
struct sweep_row {
  sweep_run run;
  run_record record;
};

/// Describes a spread of values, half of which lie between the quartiles.
struct spread {
  double median = 0.0;
  double low = 0.0;   ///< is the first quartile
  double high = 0.0;  ///< is the third quartile
};

/// Says by how much a setting differs from the first one, over the concepts that both have done.
struct paired_difference {
  std::size_t pairs = 0;
  double mean = 0.0;
  /// Holds the interval of the mean, at 95 %; see `evaluation::bootstrap_mean`.
  std::optional<evaluation::interval> between{};
};

/// Returns the step at which a run stopped; none of a run that is not done.
std::optional<double> last_step_of(const run_record& record);

/// Returns the CLIP image similarity `before` or `after`; none of a run that is not done, or not scored.
std::optional<double> clip_similarity_of(const run_record& record, const char* when);

/// Returns by how much the CLIP image similarity has grown; none of a run that is not done, or not scored.
std::optional<double> clip_gain_of(const run_record& record);

/// Describes a number that every run ends with.
struct sweep_measure {
  std::string_view key;      ///< names it in CSV and JSON
  std::string_view heading;  ///< names it for people
  std::optional<double> (*value)(const run_record&);
  int digits;  ///< stand behind the point, for people
};

/// Returns the measures: steps, seconds, and the gain in CLIP image similarity. A run that is not done, or
/// not scored, has none.
const std::vector<sweep_measure>& sweep_measures();

/// Says what a setting came to over the concepts.
struct setting_summary {
  std::string name;
  std::size_t runs = 0;
  std::size_t done = 0;
  std::vector<std::optional<spread>> spreads{};  ///< go by measure
  /// Holds the differences by measure; none for the first setting.
  std::vector<std::optional<paired_difference>> differences{};
};

/// Returns the summaries in the order of the settings.
std::vector<setting_summary> summaries_of(const std::vector<sweep_row>& rows,
                                          const std::vector<sweep_setting>& settings);

}  // namespace dvar::cli
