#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "reporting/markup.hpp"
#include "reporting/report.hpp"
#include "reporting/series.hpp"
#include "weights/atomic_file.hpp"

namespace dvar::reporting {
namespace {

/// Colors are the page's (report.html.in). The ground is part of the drawing, since what surrounds the
/// figure need not follow the scheme that the reader's system asks for.
constexpr std::string_view figure_style = R"(<style>
  svg { --ground: #ffffff; --ink: #1b1d22; --muted: #5d636e; --line: #e3e3de; --noise: #9aa2b0;
        --probe: #0b63b0; --ratio: #6d3fb8; --threshold: #c03d0a; }
  @media (prefers-color-scheme: dark) {
    svg { --ground: #131519; --ink: #e9eaec; --muted: #a0a7b4; --line: #2d323b; --noise: #79818f;
          --probe: #62b0f5; --ratio: #b695f2; --threshold: #ff8f5c; }
  }
  text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
         fill: var(--muted); }
  .strong { font-weight: 600; }
  .ground { fill: var(--ground); }
  path, line { fill: none; stroke-linejoin: round; }
  .grid { stroke: var(--line); }
  .noise { stroke: var(--noise); stroke-opacity: 0.8; }
  .probe { stroke: var(--probe); } .ratio { stroke: var(--ratio); }
  .threshold { stroke: var(--threshold); stroke-dasharray: 6 5; }
  text.noise { fill: var(--muted); stroke: none; } text.probe { fill: var(--probe); stroke: none; }
  text.ratio { fill: var(--ratio); stroke: none; } text.threshold { fill: var(--threshold); stroke: none; }
  .stop { stroke: var(--ink); } text.stop { fill: var(--ink); stroke: none; }
</style>
)";

constexpr double figure_width = 800;
constexpr double figure_height = 520;
constexpr double plot_left = 64;
constexpr double plot_right = 736;
constexpr std::size_t points_in_figure = 1400;  // two for each pixel across

/// Holds whole multiples of 1, 2 or 5 times a power of ten that enclose the values: where the scale begins,
/// ends and is marked.
struct scale {
  double lowest = 0;
  double highest = 1;
  double interval = 0.2;

  static scale enclosing(double from, double to, int marks) {
    if (!(to > from)) {
      const double room = from == 0 ? 1 : std::abs(from) * 0.05;
      from -= room;
      to += room;
    }
    const double rough = (to - from) / marks;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    const double digit = rough / power;
    const double interval = power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    return {std::floor(from / interval + 1e-9) * interval, std::ceil(to / interval - 1e-9) * interval,
            interval};
  }

  std::vector<double> marks() const {
    std::vector<double> values;
    const auto count = std::llround((highest - lowest) / interval);
    for (std::int64_t i = 0; i <= count; ++i)
      values.push_back(lowest + static_cast<double>(i) * interval);
    return values;
  }

  /// Writes as many decimals as tell the marks apart, and no rounding noise.
  std::string name(double value) const {
    const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(interval) - 1e-9)));
    return fmt::format("{:.{}f}", std::abs(value) < interval * 1e-6 ? 0 : value, decimals);
  }
};

/// Describes a rectangle of the drawing in which steps run to the right and values upwards.
struct panel {
  double top = 0;
  double bottom = 0;
  double first_step = 0;
  double last_step = 1;

  double x(double step) const {
    return plot_left + (step - first_step) / (last_step - first_step) * (plot_right - plot_left);
  }
  double y(double value, const scale& on) const {
    return bottom - (value - on.lowest) / (on.highest - on.lowest) * (bottom - top);
  }
};

using output = std::back_insert_iterator<std::string>;

void draw_curve(output out, const panel& in, const scale& on, const std::vector<point>& series,
                std::string_view kind, double stroke) {
  fmt::format_to(out, R"(<path class="{}" stroke-width="{}" d=")", kind, stroke);
  char command = 'M';
  for (const point& at : thin_out(series, points_in_figure)) {
    fmt::format_to(out, "{}{:.1f} {:.1f}", command, in.x(static_cast<double>(at.step)), in.y(at.value, on));
    command = 'L';
  }
  fmt::format_to(out, "\"/>\n");
}

void draw_scale(output out, const panel& in, const scale& on, bool at_left, std::string_view kind) {
  for (const double value : on.marks()) {
    const double y = in.y(value, on);
    if (at_left) {
      fmt::format_to(out,
                     R"(<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>)"
                     "\n",
                     plot_left, plot_right, y, y);
    }
    fmt::format_to(out,
                   R"(<text class="{}" x="{}" y="{:.1f}" text-anchor="{}">{}</text>)"
                   "\n",
                   kind, at_left ? plot_left - 8 : plot_right + 8, y + 4, at_left ? "end" : "start",
                   on.name(value));
  }
}

void draw_title(output out, double x, double y, std::string_view anchor, std::string_view kind,
                std::string_view text) {
  fmt::format_to(out,
                 R"(<text class="strong {}" x="{}" y="{}" text-anchor="{}">{}</text>)"
                 "\n",
                 kind, x, y, anchor, escape_markup(text));
}

void draw_stop(output out, const panel& in, std::int64_t step, bool named) {
  const double x = in.x(static_cast<double>(step));
  fmt::format_to(out,
                 R"(<line class="stop" stroke-width="1.25" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>)"
                 "\n",
                 x, x, in.top - 4, in.bottom);
  if (!named) return;
  const std::string_view anchor = x > plot_right - 60 ? "end" : x < plot_left + 60 ? "start" : "middle";
  fmt::format_to(out,
                 R"(<text class="strong stop" x="{:.1f}" y="{}" text-anchor="{}">stopped at {}</text>)"
                 "\n",
                 x, in.top - 9, anchor, step);
}

/// Holds a number by which a rule judged, with its values over the steps.
struct judged_series {
  judged_number number;
  std::vector<point> values;
};

/// Returns the first number by which a rule judged that has values to draw.
std::optional<judged_series> first_judged(const report& content) {
  for (const judged_number& number : content.judged) {
    auto values = extract_series(content.trace, number.name);
    if (!values.empty()) return judged_series{number, std::move(values)};
  }
  return std::nullopt;
}

/// Returns the panel between two heights that spans the steps of the trace.
panel panel_of(const dvar::trace& trace, double top, double bottom) {
  panel made{.top = top, .bottom = bottom};
  if (trace.empty()) return made;
  made.first_step = static_cast<double>(trace.front().step());
  made.last_step = std::max(static_cast<double>(trace.back().step()), made.first_step + 1);
  return made;
}

void begin_drawing(output out, std::string_view title) {
  fmt::format_to(
      out,
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img">)"
      "\n<title>{2}: training loss, probe loss and what the rule judges by</title>\n{3}"
      R"(<rect class="ground" width="{0}" height="{1}" rx="8"/>)"
      "\n",
      figure_width, figure_height, escape_markup(title), figure_style);
}

void draw_training_loss(output out, const panel& in, const std::vector<point>& loss) {
  const auto summary = summarize(loss);
  if (!summary) return;
  const scale on = scale::enclosing(std::min(0.0, summary->lowest), summary->highest, 5);
  draw_scale(out, in, on, /*at_left=*/true, "noise");
  draw_curve(out, in, on, loss, "noise", loss.size() > points_in_figure / 2 ? 0.4 : 0.8);
  draw_title(out, plot_left, 24, "start", "noise", "training loss");
}

void draw_probe_loss(output out, const panel& in, const std::vector<point>& probe) {
  const auto summary = summarize(probe);
  if (!summary) return;
  const scale on = scale::enclosing(summary->lowest, summary->highest, 5);
  draw_scale(out, in, on, /*at_left=*/false, "probe");
  draw_curve(out, in, on, probe, "probe", 2);
  draw_title(out, plot_right, 24, "end", "probe", "probe loss (own scale)");
}

void draw_bound(output out, const panel& in, const scale& on, double bound) {
  const double y = in.y(bound, on);
  fmt::format_to(out,
                 R"(<line class="threshold" stroke-width="1.5" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>)"
                 "\n",
                 plot_left, plot_right, y, y);
  fmt::format_to(out,
                 R"(<text class="threshold" x="{}" y="{:.1f}">{:g}</text>)"
                 "\n",
                 plot_right + 8, y + 4, bound);
}

void draw_judged(output out, const panel& in, const judged_series& judged) {
  const auto& [number, values] = judged;
  const series_summary summary = *summarize(values);
  const double bound = number.stops.bound;
  const scale on =
      scale::enclosing(std::min({0.0, summary.lowest, bound}), std::max(summary.highest, bound), 4);
  draw_scale(out, in, on, /*at_left=*/true, "noise");
  draw_bound(out, in, on, bound);
  draw_curve(out, in, on, values, "ratio", 2);
  draw_title(out, plot_left, in.top - 14, "start", "ratio",
             fmt::format("{} (stops {})", number.name, to_text(number.stops)));
}

/// Names the steps below a panel.
void draw_steps(output out, const panel& in) {
  const scale steps = scale::enclosing(in.first_step, in.last_step, 7);
  for (const double step : steps.marks()) {
    if (step < in.first_step || step > in.last_step) continue;
    fmt::format_to(out,
                   R"(<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>)"
                   "\n",
                   in.x(step), in.bottom + 20, steps.name(step));
  }
  draw_title(out, (plot_left + plot_right) / 2, in.bottom + 40, "middle", "noise", "step");
}

}  // namespace

std::string render_figure(const report& content) {
  const panel losses = panel_of(content.trace, 52, 290);
  const panel numbers = panel_of(content.trace, 346, 470);
  const auto judged = first_judged(content);

  std::string svg;
  output out{svg};
  begin_drawing(out, content.title);
  draw_training_loss(out, losses, extract_series(content.trace, "loss"));
  draw_probe_loss(out, losses, extract_series(content.trace, probe_loss_name));
  if (judged) draw_judged(out, numbers, *judged);
  if (content.stop_step && !content.trace.empty()) {
    draw_stop(out, losses, *content.stop_step, /*named=*/true);
    if (judged) draw_stop(out, numbers, *content.stop_step, /*named=*/false);
  }
  draw_steps(out, numbers);
  svg += "</svg>\n";
  return svg;
}

void write_figure(const std::filesystem::path& file, const report& content) {
  weights::write_atomically(file, render_figure(content));
}

}  // namespace dvar::reporting
