#include "cli/replay/recent_mean.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace dvar::cli {

recent_mean recent_mean_of(const trace_series& series, std::size_t count) {
  std::vector<double> values;
  for (const trace_record& record : series.records)
    if (const std::optional<double> value = record[series.column]) values.push_back(*value);
  values.erase(values.begin(), values.end() - static_cast<std::ptrdiff_t>(std::min(count, values.size())));
  recent_mean mean{.asked = count, .found = values.size()};
  if (mean.found == count) mean.error = mean_error_of(values);
  return mean;
}

std::string describe(const recent_mean& mean, const std::string& column) {
  if (mean.found < mean.asked)
    return fmt::format("{} has {} values, fewer than {}", column, mean.found, mean.asked);
  const std::string values = fmt::format("the last {} values of {}", mean.asked, column);
  const mean_error& error = mean.error;
  if (!error.mean || !error.standard_error || !error.effective_sample_size)
    return fmt::format("{} have no mean: they are not all finite", values);
  const std::string halves =
      error.split_r_hat ? fmt::format("; split R-hat {:.4g}", *error.split_r_hat) : std::string{};
  return fmt::format(
      "the mean of {} is {:.6g} with a standard error of {:.2g}, as sure as that of {:.0f} independent values{}",
      values, *error.mean, *error.standard_error, *error.effective_sample_size, halves);
}

}  // namespace dvar::cli
