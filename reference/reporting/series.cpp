#include "reporting/series.hpp"

#include <algorithm>
#include <cmath>

namespace dvar::reporting {

std::vector<point> extract_series(const trace& records, std::string_view name) {
  std::vector<point> series;
  for (const trace_record& record : records) {
    const std::optional<double> value = record[name];
    if (value && std::isfinite(*value)) series.push_back({static_cast<std::int64_t>(record.step()), *value});
  }
  return series;
}

std::optional<series_summary> summarize(const std::vector<point>& series) {
  if (series.empty()) return std::nullopt;
  series_summary summary{.first = series.front().value,
                         .last = series.back().value,
                         .lowest = series.front().value,
                         .highest = series.front().value};
  for (const point& at : series) {
    summary.lowest = std::min(summary.lowest, at.value);
    summary.highest = std::max(summary.highest, at.value);
    summary.mean += at.value / static_cast<double>(series.size());
  }
  return summary;
}

std::optional<end_summary> summarize_end(const std::vector<point>& series, std::size_t most) {
  const std::size_t count = std::min(series.size(), most);
  if (count < 8) return std::nullopt;
  std::vector<double> values;
  for (std::size_t i = series.size() - count; i < series.size(); ++i)
    values.push_back(series[i].value);
  return end_summary{.count = count, .error = mean_error_of(values)};
}

std::vector<point> thin_out(const std::vector<point>& series, std::size_t limit) {
  if (series.size() <= limit || limit < 2) return series;
  const std::size_t buckets = limit / 2;
  std::vector<point> kept;
  kept.reserve(2 * buckets);
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    const auto begin = series.begin() + static_cast<std::ptrdiff_t>(bucket * series.size() / buckets);
    const auto end = series.begin() + static_cast<std::ptrdiff_t>((bucket + 1) * series.size() / buckets);
    const auto [lowest, highest] =
        std::minmax_element(begin, end, [](const point& a, const point& b) { return a.value < b.value; });
    kept.push_back(*std::min(lowest, highest));
    if (lowest != highest) kept.push_back(*std::max(lowest, highest));
  }
  return kept;
}

}  // namespace dvar::reporting
