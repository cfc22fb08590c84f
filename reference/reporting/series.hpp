/// \file
/// Makes a curve of a trace ready for drawing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <dvar/statistics/mean_error.hpp>
#include <dvar/trace/trace.hpp>

namespace dvar::reporting {

/// Holds a point of a curve; both numbers are finite.
struct point {
  std::int64_t step = 0;
  double value = 0;
};

/// Says what a reader wants to know of a curve in words.
struct series_summary {
  double first = 0;
  double last = 0;
  double lowest = 0;
  double highest = 0;
  double mean = 0;
};

/// Returns the finite values of one name over the steps: what has no value, or none that can be drawn, leaves
/// no gap. Takes linear time.
std::vector<point> extract_series(const trace& records, std::string_view name);

/// Returns the summary, or none for an empty curve.
std::optional<series_summary> summarize(const std::vector<point>& series);

/// Says how sure the mean of a curve's last points is.
struct end_summary {
  std::size_t count = 0;  ///< is how many points the mean is of
  mean_error error{};
};

/// Returns the summary of the last `most` points, or of all where there are fewer; none where there are fewer than 8.
std::optional<end_summary> summarize_end(const std::vector<point>& series, std::size_t most);

/// Returns at most `limit` points (at least 2) that look the same as all of them: of every run of neighbors
/// the lowest and the highest, in their order. Curves that are short enough stay as they are. Takes linear
/// time.
std::vector<point> thin_out(const std::vector<point>& series, std::size_t limit);

}  // namespace dvar::reporting
