/// \file
/// Draws a grid of settings with a color for each.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dvar::reporting {

/// Holds one value for each pair of a column and a row.
struct heat_map {
  std::string title{};
  std::string x_name{};
  std::string y_name{};
  std::vector<std::string> x_labels{};
  std::vector<std::string> y_labels{};
  std::string value_name{};                     ///< stands in the key, e.g. "stopping step"
  std::string none_name = "none";               ///< says in the key what a cell without a value means
  std::vector<std::optional<double>> values{};  ///< go row after row, x_labels.size() * y_labels.size()
};

/// Draws the map as SVG, light to dark from the lowest value to the highest. Cells hold their number while
/// there is room. It reads well on white and on dark ground.
std::string render_heat_map(const heat_map& content);

/// Makes a page, complete in itself, with the drawing and a table below it. `rows` begins with the heading;
/// all of its rows are as long.
std::string render_heat_map_page(const heat_map& content, const std::vector<std::vector<std::string>>& rows);

}  // namespace dvar::reporting
