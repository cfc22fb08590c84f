/// \file
/// A curve of a trace, made ready for drawing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "reporting/report.hpp"

namespace dvar::reporting {

/// A point of a curve; both finite.
struct point {
  std::int64_t step = 0;
  double value = 0;
};

/// What a reader wants to know of a curve in words.
struct series_summary {
  double first = 0;
  double last = 0;
  double lowest = 0;
  double highest = 0;
  double mean = 0;
};

/// The finite values of one figure over the steps. Complexity: linear.
std::vector<point> extract_series(const std::vector<trace_point>& trace, double trace_point::* figure);

/// None for an empty curve.
std::optional<series_summary> summarise(const std::vector<point>& series);

/// At most `limit` points (at least 2) that look the same as all of them: of every run of neighbours the
/// lowest and the highest, in their order. Curves that are short enough stay as they are. Complexity:
/// linear.
std::vector<point> thin_out(const std::vector<point>& series, std::size_t limit);

}  // namespace dvar::reporting
