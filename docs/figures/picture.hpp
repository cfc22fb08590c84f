#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace figures {

/// Holds what a rule made of a series: what a picture shows.
struct picture {
  std::string name;   // of the file, without .svg
  std::string title;  // a few words
  std::vector<double> losses{};
  std::vector<std::optional<double>> statistics{};
  std::string statistic{};            // what it is, for the lower panel; empty: there is none
  std::optional<double> threshold{};  // what it is compared with
  double cut = 0.0;  // values of the statistic that are further from 0 are off the panel; 0: none
  std::string observed = "loss";      // what the upper panel shows
  std::optional<std::size_t> stop{};  // the observation of the first stop, from 1

  [[nodiscard]] std::string outcome() const {
    return stop ? "stops at " + std::to_string(*stop)
                : "has not stopped after " + std::to_string(losses.size());
  }
};

namespace detail {

constexpr double left = 52.0;
constexpr double right = 428.0;

struct range {
  double low = 0.0;
  double high = 1.0;
};

struct panel {
  double top;
  double bottom;
  range values;

  [[nodiscard]] double y(double value) const {
    return bottom - (value - values.low) / (values.high - values.low) * (bottom - top);
  }
};

inline std::string number(double value, const char* format = "%.1f") {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

inline double x(std::size_t observation, std::size_t n) {
  return left + (right - left) * static_cast<double>(observation) / static_cast<double>(n);
}

/// Returns the range of the finite values, with a twentieth to spare on both sides.
inline range range_of(const std::vector<std::optional<double>>& values, std::optional<double> also) {
  std::vector<double> finite;
  for (const std::optional<double>& value : values)
    if (value && std::isfinite(*value)) finite.push_back(*value);
  if (also) finite.push_back(*also);
  if (finite.empty()) return {};
  const auto [low, high] = std::minmax_element(finite.begin(), finite.end());
  const double spare = *high > *low ? 0.05 * (*high - *low) : 0.5;
  return {*low - spare, *high + spare};
}

/// Draws a line through the values; of every stretch two units wide the lowest and the highest. It is broken
/// where there is no finite value.
inline void draw_line(std::ostream& out, std::string_view style, const panel& in,
                      const std::vector<std::optional<double>>& values) {
  const std::size_t n = values.size();
  const std::size_t stretch = std::max<std::size_t>(1, n * 2 / static_cast<std::size_t>(right - left));
  std::string path;
  bool broken = true;
  const auto to = [&](std::size_t index) {
    const double value = std::clamp(*values[index], in.values.low, in.values.high);
    path.append(broken ? "M" : "L").append(number(x(index + 1, n))).append(" ").append(number(in.y(value)));
    if (broken) path += "h0";
    broken = false;
  };
  for (std::size_t begin = 0; begin < n; begin += stretch) {
    std::optional<std::size_t> low;
    std::optional<std::size_t> high;
    const std::size_t end = std::min(n, begin + stretch);
    for (std::size_t i = begin; i < end; ++i) {
      if (values[i] && std::isfinite(*values[i])) {
        low = !low || *values[i] < *values[*low] ? i : *low;
        high = !high || *values[i] > *values[*high] ? i : *high;
      }
    }
    if (!low) {
      broken = true;
      continue;
    }
    to(std::min(*low, *high));
    if (*low != *high) to(std::max(*low, *high));
  }
  out << "<path class=\"" << style << "\" d=\"" << path << "\"/>\n";
}

/// Returns 1, 2 or 5 times a power of ten, so that two to four multiples lie in the range.
inline double tick_step(const range& values) {
  const double span = values.high - values.low;
  const double power = std::pow(10.0, std::floor(std::log10(span)));
  for (const double step : {0.2 * power, 0.5 * power, power})
    if (std::floor(values.high / step) - std::ceil(values.low / step) < 4.0) return step;
  return 2.0 * power;
}

inline void draw_frame(std::ostream& out, const panel& in, std::string_view style, std::string_view label) {
  const double step = tick_step(in.values);
  for (double tick = std::ceil(in.values.low / step); tick * step <= in.values.high; ++tick) {
    const double y = in.y(tick * step);
    out << "<line class=\"grid\" x1=\"" << left << "\" x2=\"" << right << "\" y1=\"" << number(y)
        << "\" y2=\"" << number(y) << "\"/>\n<text x=\"" << left - 6 << "\" y=\"" << number(y + 4.0)
        << "\" text-anchor=\"end\">" << number(tick == 0.0 ? 0.0 : tick * step, "%.6g") << "</text>\n";
  }
  out << "<text class=\"" << style << "\" x=\"" << left << "\" y=\"" << in.top - 6 << "\">" << label
      << "</text>\n";
}

// No custom properties: not every viewer of SVG knows them.
constexpr std::string_view style = R"(<style>
  text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
         fill: #5d636e; }
  path, line { fill: none; stroke-linejoin: round; stroke-linecap: round; }
  .ground { fill: #ffffff; stroke: #e3e3de; }
  .grid { stroke: #e3e3de; }
  .loss { stroke: #0b63b0; }
  .statistic { stroke: #6d3fb8; }
  .threshold { stroke: #c03d0a; stroke-dasharray: 6 5; }
  .stop { stroke: #1b1d22; }
  text.title { fill: #1b1d22; font-weight: 600; font-size: 13px; }
  text.outcome { fill: #1b1d22; }
  text.loss { fill: #0b63b0; stroke: none; }
  text.statistic { fill: #6d3fb8; stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #a0a7b4; }
    .ground { fill: #131519; stroke: #2d323b; }
    .grid { stroke: #2d323b; }
    .loss { stroke: #62b0f5; }
    .statistic { stroke: #b695f2; }
    .threshold { stroke: #ff8f5c; }
    .stop { stroke: #e9eaec; }
    text.title, text.outcome { fill: #e9eaec; }
    text.loss { fill: #62b0f5; }
    text.statistic { fill: #b695f2; }
  }
</style>
)";

}  // namespace detail

/// Draws an SVG for light and dark pages: above the losses, below the rule's statistic with its threshold,
/// and a mark where the rule stops.
inline void write_svg(std::ostream& out, const picture& shown) {
  using namespace detail;
  std::vector<std::optional<double>> losses(shown.losses.begin(), shown.losses.end());
  const panel upper{48.0, shown.statistic.empty() ? 268.0 : 150.0, range_of(losses, std::nullopt)};
  panel lower{184.0, 268.0, range_of(shown.statistics, shown.threshold)};
  if (shown.cut > 0.0) {
    lower.values.low = std::max(lower.values.low, -shown.cut);
    lower.values.high = std::min(lower.values.high, shown.cut);
  }
  const std::size_t n = losses.size();

  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 440 296\" width=\"440\" height=\"296\" role=\"img\">\n<title>"
      << shown.title << ": " << shown.outcome() << "</title>\n"
      << style << "<rect class=\"ground\" x=\"0.5\" y=\"0.5\" width=\"439\" height=\"295\" rx=\"8\"/>\n"
      << "<text class=\"title\" x=\"" << left << "\" y=\"22\">" << shown.title << "</text>\n";
  draw_frame(out, upper, "loss", shown.observed);
  if (!shown.statistic.empty()) draw_frame(out, lower, "statistic", shown.statistic);
  draw_line(out, "loss", upper, losses);
  draw_line(out, "statistic", lower, shown.statistics);
  if (shown.threshold) {
    const std::string y = number(lower.y(*shown.threshold));
    out << "<line class=\"threshold\" x1=\"" << left << "\" x2=\"" << right << "\" y1=\"" << y << "\" y2=\""
        << y << "\"/>\n";
  }
  if (shown.stop) {
    const std::string at = number(x(*shown.stop, n));
    out << "<line class=\"stop\" x1=\"" << at << "\" x2=\"" << at << "\" y1=\"" << upper.top << "\" y2=\""
        << lower.bottom << "\"/>\n";
  }
  out << "<text class=\"outcome\" x=\"" << right << "\" y=\"" << upper.top - 6 << "\" text-anchor=\"end\">"
      << shown.outcome() << "</text>\n";
  for (const std::size_t observation : {std::size_t{0}, n / 2, n}) {
    out << "<text x=\"" << number(x(observation, n)) << "\" y=\"284\" text-anchor=\""
        << (observation == n ? "end" : "middle") << "\">" << observation << "</text>\n";
  }
  out << "</svg>\n";
}

}  // namespace figures
