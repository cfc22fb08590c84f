#pragma once

#include <cstddef>
#include <string>

#include <dvar/statistics/mean_error.hpp>

#include "cli/replay/trace_series.hpp"

namespace dvar::cli {

/// Says how sure the mean of a column's last values is.
struct recent_mean {
  std::size_t asked = 0;  ///< is of how many values the mean is wanted
  std::size_t found = 0;  ///< is how many the column has, at most `asked`
  mean_error error{};     ///< has no value where `found` is less than `asked`
};

/// Returns it for the last `count` values of the column, at least 8; records without a value do not count.
recent_mean recent_mean_of(const trace_series& series, std::size_t count);

/// Returns a sentence: "the mean of the last 310 values of loss is 0.08 with a standard error of 0.001, as sure as that
/// of 290 independent values; split R-hat 1.002".
std::string describe(const recent_mean& mean, const std::string& column);

}  // namespace dvar::cli
