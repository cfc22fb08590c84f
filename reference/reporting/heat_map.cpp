#include "reporting/heat_map.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "reporting/markup.hpp"

namespace dvar::reporting {
namespace {

/// Sets the colors, which are those of the curves (figure.cpp): the ground is part of the drawing.
constexpr std::string_view heat_map_style = R"(<style>
  svg { --ground: #ffffff; --ink: #1b1d22; --muted: #5d636e; --none: #ececea; }
  @media (prefers-color-scheme: dark) {
    svg { --ground: #131519; --ink: #e9eaec; --muted: #a0a7b4; --none: #23262d; }
  }
  text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
         fill: var(--muted); }
  .strong { font-weight: 600; fill: var(--ink); }
  .ground { fill: var(--ground); } .none { fill: var(--none); }
  .on-light { fill: #1b1d22; } .on-dark { fill: #ffffff; }
</style>
)";

constexpr double cells_left = 96;
constexpr double cells_top = 64;
constexpr double cells_widest = 720;
constexpr double least_cell_with_text = 34;

struct color {
  double red, green, blue;
};
// From a light yellow over green to a dark blue: lightness falls evenly, so that it reads without colors too.
constexpr color stops[] = {{253, 231, 140}, {94, 201, 130}, {38, 130, 142}, {62, 73, 137}, {46, 20, 84}};

std::string fill_of(double share) {
  const double place = std::clamp(share, 0.0, 1.0) * (std::size(stops) - 1);
  const auto first = std::min(static_cast<std::size_t>(place), std::size(stops) - 2);
  const double rest = place - static_cast<double>(first);
  const auto mixed = [&](double color::* part) {
    return std::lround(stops[first].*part * (1 - rest) + stops[first + 1].*part * rest);
  };
  return fmt::format("#{:02x}{:02x}{:02x}", mixed(&color::red), mixed(&color::green), mixed(&color::blue));
}

struct span_of_values {
  double lowest = 0.0;
  double highest = 0.0;
  double share(double value) const { return highest > lowest ? (value - lowest) / (highest - lowest) : 0.5; }
};

span_of_values span_of(const heat_map& content) {
  span_of_values span{INFINITY, -INFINITY};
  for (const std::optional<double>& value : content.values) {
    if (!value) continue;
    span.lowest = std::min(span.lowest, *value);
    span.highest = std::max(span.highest, *value);
  }
  return span;
}

std::string number_text(double value) {
  return fmt::format("{:.4g}", value);
}

using output = std::back_insert_iterator<std::string>;

void draw_text(output out, double x, double y, std::string_view anchor, std::string_view kind,
               std::string_view text) {
  fmt::format_to(out,
                 R"(<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>)"
                 "\n",
                 kind, x, y, anchor, escape_markup(text));
}

struct heat_map_layout {
  double cell_width;
  double cell_height = 28;
  double right;
  double bottom;

  explicit heat_map_layout(const heat_map& content)
      : cell_width{std::clamp(cells_widest / static_cast<double>(content.x_labels.size()), 4.0, 64.0)},
        right{cells_left + cell_width * static_cast<double>(content.x_labels.size())},
        bottom{cells_top + cell_height * static_cast<double>(content.y_labels.size())} {}

  double width() const { return std::max(right + 32, 480.0); }
  double height() const { return bottom + 92; }
};

void draw_cells(output out, const heat_map& content, const heat_map_layout& at, const span_of_values& span) {
  const std::size_t columns = content.x_labels.size();
  for (std::size_t i = 0; i < content.values.size(); ++i) {
    const double x = cells_left + at.cell_width * static_cast<double>(i % columns);
    const double y = cells_top + at.cell_height * static_cast<double>(i / columns);
    const std::optional<double>& value = content.values[i];
    const std::string place = fmt::format(R"(x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}")", x, y,
                                          at.cell_width - 1, at.cell_height - 1);
    if (!value) {
      fmt::format_to(out, "<rect class=\"none\" {}/>\n", place);
      continue;
    }
    const double share = span.share(*value);
    fmt::format_to(out, "<rect fill=\"{}\" {}/>\n", fill_of(share), place);
    if (at.cell_width >= least_cell_with_text) {
      draw_text(out, x + at.cell_width / 2, y + at.cell_height / 2 + 4, "middle",
                share < 0.45 ? "on-light" : "on-dark", number_text(*value));
    }
  }
}

void draw_labels(output out, const heat_map& content, const heat_map_layout& at) {
  // Only as many labels are drawn as have room.
  const auto every = static_cast<std::size_t>(std::ceil(40.0 / at.cell_width));
  for (std::size_t i = 0; i < content.x_labels.size(); i += every) {
    draw_text(out, cells_left + at.cell_width * (static_cast<double>(i) + 0.5), at.bottom + 16, "middle", "",
              content.x_labels[i]);
  }
  for (std::size_t i = 0; i < content.y_labels.size(); ++i) {
    draw_text(out, cells_left - 8, cells_top + at.cell_height * (static_cast<double>(i) + 0.5) + 4, "end", "",
              content.y_labels[i]);
  }
  draw_text(out, cells_left + (at.right - cells_left) / 2, at.bottom + 36, "middle", "strong",
            content.x_name);
  draw_text(out, cells_left - 8, cells_top - 8, "end", "strong", content.y_name);
}

void draw_key(output out, const heat_map& content, const heat_map_layout& at, const span_of_values& span) {
  const double y = at.bottom + 56;
  constexpr int steps = 24;
  constexpr double step = 6;
  double x = cells_left;
  if (span.lowest <= span.highest) {
    draw_text(out, x, y + 11, "start", "", number_text(span.lowest));
    x += 48;
    for (int i = 0; i < steps; ++i) {
      fmt::format_to(out,
                     R"(<rect fill="{}" x="{:.1f}" y="{:.1f}" width="{}" height="14"/>)"
                     "\n",
                     fill_of(i / (steps - 1.0)), x + i * step, y, step);
    }
    x += steps * step + 8;
    draw_text(out, x, y + 11, "start", "", number_text(span.highest) + "  " + content.value_name);
    x = cells_left;
  }
  if (std::find(content.values.begin(), content.values.end(), std::nullopt) != content.values.end()) {
    fmt::format_to(out,
                   R"(<rect class="none" x="{:.1f}" y="{:.1f}" width="14" height="14"/>)"
                   "\n",
                   x, y + 20);
    draw_text(out, x + 20, y + 31, "start", "", content.none_name);
  }
}

}  // namespace

std::string render_heat_map(const heat_map& content) {
  const heat_map_layout at{content};
  const span_of_values span = span_of(content);
  std::string svg;
  output out{svg};
  fmt::format_to(
      out,
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0:.0f} {1:.0f}" width="{0:.0f}" height="{1:.0f}" role="img">)"
      "\n<title>{2}</title>\n{3}"
      R"(<rect class="ground" width="{0:.0f}" height="{1:.0f}" rx="8"/>)"
      "\n",
      at.width(), at.height(), escape_markup(content.title), heat_map_style);
  draw_text(out, cells_left, 28, "start", "strong", content.title);
  draw_cells(out, content, at, span);
  draw_labels(out, content, at);
  draw_key(out, content, at, span);
  svg += "</svg>\n";
  return svg;
}

std::string render_heat_map_page(const heat_map& content, const std::vector<std::vector<std::string>>& rows) {
  std::string table;
  for (const std::vector<std::string>& row : rows) {
    const std::string_view cell = &row == rows.data() ? "th" : "td";
    table += "<tr>";
    for (const std::string& text : row)
      table += fmt::format("<{0}>{1}</{0}>", cell, escape_markup(text));
    table += "</tr>\n";
  }
  return fmt::format(
      R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{0}</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }}
  svg {{ max-width: 100%; height: auto; }}
  table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
  th, td {{ border-bottom: 1px solid #8884; padding: .25rem .75rem; text-align: left; }}
</style></head>
<body><h1>{0}</h1>
{1}<table>
{2}</table></body></html>
)",
      escape_markup(content.title), render_heat_map(content), table);
}

}  // namespace dvar::reporting
