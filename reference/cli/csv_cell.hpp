#pragma once

#include <string>

#include <dvar/text/number.hpp>

namespace dvar::cli {

/// Returns a cell of a CSV file as RFC 4180 has it: quoted where it has to be. A text that a spreadsheet would take for a
/// formula has an apostrophe in front, which spreadsheets do not show.
inline std::string csv_cell(std::string cell) {
  if (!parse_number<double>(cell) && cell.find_first_of("=+-@\t\r") == 0) cell.insert(cell.begin(), '\'');
  if (cell.find_first_of(",\"\n\r") == std::string::npos) return cell;
  std::string text = "\"";
  for (const char c : cell)
    text += c == '"' ? "\"\"" : std::string{c};
  return text + "\"";
}

}  // namespace dvar::cli
