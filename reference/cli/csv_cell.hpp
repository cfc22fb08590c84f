#pragma once

#include <string>

namespace dvar::cli {

/// Returns a cell of a CSV file as RFC 4180 has it: quoted where it has to be.
inline std::string csv_cell(const std::string& cell) {
  if (cell.find_first_of(",\"\n") == std::string::npos) return cell;
  std::string text = "\"";
  for (const char c : cell)
    text += c == '"' ? "\"\"" : std::string{c};
  return text + "\"";
}

}  // namespace dvar::cli
