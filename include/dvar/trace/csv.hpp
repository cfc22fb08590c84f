#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/lines.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/trace/trace_error.hpp>
#include <dvar/trace/trace_record.hpp>

namespace dvar {

/// Writes the first line of a CSV trace: the names of the columns, `step` first.
inline void write_csv_header(std::ostream& out) {
  out << "step";
  for (const auto& field : detail::trace_fields)
    out << ',' << field.name;
  out << '\n';
}

/// Writes a record as one line of CSV. Values that it does not have are empty; numbers are the shortest that
/// read back exactly, or nan, inf, -inf. The caller flushes and checks the stream.
inline void write_csv_line(std::ostream& out, const trace_record& record) {
  std::string line = std::to_string(record.step);
  for (const auto& field : detail::trace_fields) {
    line += ',';
    if (const std::optional<double>& number = record.*field.value) line += detail::shortest_text(*number);
  }
  out << line << '\n';
}

namespace detail {

/// Reads lines of CSV by the names in the header, in whatever order they are; other columns are ignored.
class csv_columns {
 public:
  csv_columns(std::string_view header, std::size_t line) : names_(split(header)) {
    if (std::find(names_.begin(), names_.end(), "step") == names_.end())
      detail::fail<trace_error>(line, "there is no column \"step\"");
  }

  [[nodiscard]] trace_record parse(std::string_view text, std::size_t line) const {
    const auto cells = split(text);
    if (cells.size() != names_.size()) {
      detail::fail<trace_error>(
          line, std::to_string(cells.size()) + " columns, expected " + std::to_string(names_.size()));
    }
    trace_record record;
    for (std::size_t column = 0; column < cells.size(); ++column) {
      if (names_[column] == "step")
        record.step = number<std::size_t>(column, cells[column], line, "a whole number");
      for (const auto& field : trace_fields)
        if (names_[column] == field.name && !cells[column].empty())
          record.*field.value = number<double>(column, cells[column], line, "a number or nothing");
    }
    return record;
  }

 private:
  static std::vector<std::string> split(std::string_view line) {
    std::vector<std::string> cells;
    for (std::size_t begin = 0; begin <= line.size();) {
      const std::size_t end = std::min(line.find(',', begin), line.size());
      cells.emplace_back(line.substr(begin, end - begin));
      begin = end + 1;
    }
    return cells;
  }

  template <class Number>
  [[nodiscard]] Number number(std::size_t column, const std::string& cell, std::size_t line,
                              const char* expected) const {
    const auto value = parse_number<Number>(cell);
    if (!value)
      detail::fail<trace_error>(line, "\"" + names_[column] + "\" is \"" + cell + "\", expected " + expected);
    return *value;
  }

  std::vector<std::string> names_;
};

}  // namespace detail

/// Reads what `write_csv_header` and `write_csv_line` wrote, exactly. Columns go by their names, others are
/// ignored. A last line without its line break, be it the header, is an interrupted write and is left out, as its last number
/// may be cut off. Throws `trace_error`.
inline trace read_csv(std::istream& in) {
  trace records;
  detail::line_reader line(in);
  if (!line.next() || !line.complete()) return records;
  const detail::csv_columns columns(line.text(), line.number());
  while (line.next() && line.complete())
    if (!line.text().empty()) records.push_back(columns.parse(line.text(), line.number()));
  return records;
}

/// Cuts a CSV trace after the last record whose step is at most `last_step`, so that a resumed run can append
/// to it. An interrupted last line goes as well. Throws `trace_error` for lines that are no records, and
/// `std::filesystem::filesystem_error` when the file cannot be changed.
inline void truncate_csv(const std::filesystem::path& path, std::size_t last_step) {
  std::optional<detail::csv_columns> columns;
  detail::truncate_lines(path, [&](const detail::line_reader& line) {
    if (!columns) {
      columns.emplace(line.text(), line.number());
      return true;
    }
    return line.text().empty() || columns->parse(line.text(), line.number()).step <= last_step;
  });
}

}  // namespace dvar
