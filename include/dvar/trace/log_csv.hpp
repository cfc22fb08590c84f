#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/text/number.hpp>
#include <dvar/trace/log_columns.hpp>
#include <dvar/trace/trace_error.hpp>

namespace dvar::inline v0_2::detail {

/// Returns the cells of a line of CSV (RFC 4180) with whatever separator, without the quotation marks around them.
inline std::vector<std::string> csv_cells(std::string_view line, char separator) {
  std::vector<std::string> cells(1);
  bool is_quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && is_quoted && i + 1 < line.size() && line[i + 1] == '"') {
      cells.back() += '"';
      ++i;
    } else if (c == '"') {
      is_quoted = !is_quoted;
    } else if (c == separator && !is_quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

/// Reads the CSV that programs log or export, by the names in its header.
class log_csv {
 public:
  /// Reads the header.
  log_csv(log_columns& columns, std::string_view header)
      : columns_(columns), separator_(separator_of(header)) {
    names_ = csv_cells(header, separator_);
    step_column_ = names_.size();
    std::size_t place = step_names.size();
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (step_place(names_[i]) >= place) continue;
      place = step_place(names_[i]);
      step_column_ = i;
    }
    columns_.counts_by(place);
  }

  void add(std::string_view text, std::size_t line) {
    const std::vector<std::string> cells = csv_cells(text, separator_);
    if (cells.size() != names_.size()) {
      fail<trace_error>(line,
                        std::to_string(cells.size()) + " columns, expected " + std::to_string(names_.size()));
    }
    if (step_column_ == names_.size()) return;
    const std::optional<std::size_t> step = parse_step(cells[step_column_]);
    if (!step) fail_at(step_column_, cells, line, "a whole number");
    columns_.at(*step);
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (const std::optional<double> number = parse_number<double>(cells[i]))
        columns_.add(names_[i], *number, line);
      else if (columns_.is_wanted(names_[i]) && !is_missing(cells[i]))
        fail_at(i, cells, line, "a number or nothing");
  }

 private:
  static char separator_of(std::string_view header) {
    for (const char separator : {',', '\t', ';'})
      if (header.find(separator) != std::string_view::npos) return separator;
    return ',';
  }

  /// Returns whether a cell stands for no value: Keras writes NA, pandas and others the rest.
  static bool is_missing(std::string_view cell) {
    constexpr std::array<std::string_view, 5> words{"", "NA", "N/A", "None", "null"};
    return std::find(words.begin(), words.end(), cell) != words.end();
  }

  [[noreturn]] void fail_at(std::size_t column, const std::vector<std::string>& cells, std::size_t line,
                            const char* expected) const {
    fail<trace_error>(line, "\"" + names_[column] + "\" is \"" + cells[column] + "\", expected " + expected);
  }

  log_columns& columns_;
  char separator_;
  std::vector<std::string> names_;
  std::size_t step_column_ = 0;
};

}  // namespace dvar::inline v0_2::detail
