#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <istream>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/text_parts.hpp>
#include <dvar/text/number.hpp>
#include <dvar/trace/lines.hpp>
#include <dvar/trace/trace.hpp>
#include <dvar/trace/trace_error.hpp>

namespace dvar::inline v0_2 {

/// Writes the first line of a CSV trace: the names of the columns, `step` first.
inline void write_csv_header(std::ostream& out, const std::vector<std::string>& names) {
  out << "step";
  for (const std::string& name : names)
    out << ',' << name;
  out << '\n';
}

/// Writes a record as one line of CSV, in the columns of `names`, those of the header. Values that it does not have are
/// empty; numbers are the shortest that read back exactly, or nan, inf, -inf. The caller flushes and checks the stream.
///
/// Throws `std::invalid_argument` when the record has a value that has no column. Takes O(names) time.
inline void write_csv_line(std::ostream& out, const trace_record& record,
                           const std::vector<std::string>& names) {
  std::string line = std::to_string(record.step());
  std::size_t written = 0;
  for (const std::string& name : names) {
    line += ',';
    if (const std::optional<double> value = record[name]) {
      line += shortest_text(*value);
      ++written;
    }
  }
  if (written != record.size()) {
    for (const named_value& value : record)
      if (std::find(names.begin(), names.end(), value.name) == names.end())
        detail::fail<std::invalid_argument>("write_csv_line: there is no column for \"" +
                                            std::string(value.name) + "\"");
  }
  out << line << '\n';
}

/// Writes a whole trace as CSV.
inline void write_csv(std::ostream& out, const trace& records) {
  write_csv_header(out, records.names());
  for (const trace_record& record : records)
    write_csv_line(out, record, records.names());
}

namespace detail {

/// Reads lines of CSV by the names in the header, in whatever order they are.
class csv_columns {
 public:
  /// Reads the header. Columns of other names than `wanted` are passed over, unless that is empty.
  csv_columns(std::string_view header, std::size_t line, const std::vector<std::string>& wanted)
      : names_(names_of(header)), read_(names_.size(), true) {
    if (std::find(names_.begin(), names_.end(), "step") == names_.end())
      fail<trace_error>(line, "there is no column \"step\"");
    for (std::size_t i = 0; i < names_.size() && !wanted.empty(); ++i)
      read_[i] = std::find(wanted.begin(), wanted.end(), names_[i]) != wanted.end();
  }

  /// Gives a trace the names of the columns that are read, in their order.
  void add_names(trace& records, std::size_t line) const {
    for (std::size_t column = 0; column < names_.size(); ++column)
      if (read_[column] && names_[column] != "step")
        change_trace(line, [&] { records.column(names_[column]); });
  }

  [[nodiscard]] std::size_t step(std::string_view text, std::size_t line) const {
    return step_of(cells_of(text, line), line);
  }

  void append(trace& records, std::string_view text, std::size_t line) const {
    const auto cells = cells_of(text, line);
    records.append(step_of(cells, line));
    for (std::size_t column = 0; column < cells.size(); ++column) {
      if (!read_[column] || names_[column] == "step" || cells[column].empty()) continue;
      const double value = number<double>(column, cells[column], line, "a number or nothing");
      change_trace(line, [&] { records.add(names_[column], value); });
    }
  }

 private:
  static std::vector<std::string> names_of(std::string_view header) {
    const auto names = split(header, ',');
    return {names.begin(), names.end()};
  }

  [[nodiscard]] std::vector<std::string_view> cells_of(std::string_view text, std::size_t line) const {
    auto cells = split(text, ',');
    if (cells.size() != names_.size()) {
      fail<trace_error>(line,
                        std::to_string(cells.size()) + " columns, expected " + std::to_string(names_.size()));
    }
    return cells;
  }

  [[nodiscard]] std::size_t step_of(const std::vector<std::string_view>& cells, std::size_t line) const {
    const auto column =
        static_cast<std::size_t>(std::find(names_.begin(), names_.end(), "step") - names_.begin());
    return number<std::size_t>(column, cells[column], line, "a whole number");
  }

  template <class Number>
  [[nodiscard]] Number number(std::size_t column, std::string_view cell, std::size_t line,
                              const char* expected) const {
    const auto value = parse_number<Number>(cell);
    if (!value)
      fail<trace_error>(line,
                        "\"" + names_[column] + "\" is \"" + std::string(cell) + "\", expected " + expected);
    return *value;
  }

  std::vector<std::string> names_;
  std::vector<bool> read_;
};

}  // namespace detail

/// Reads what `write_csv_header` and `write_csv_line` wrote, exactly. Columns go by their names; with `wanted`, those of
/// other names are not looked at. A last line without its line break, be it the header, is an interrupted write and is left
/// out, as its last number may be cut off. Throws `trace_error`.
inline trace read_csv(std::istream& in, const std::vector<std::string>& wanted = {}) {
  trace records;
  detail::line_reader line(in);
  if (!line.next() || !line.complete()) return records;
  const detail::csv_columns columns(line.text(), line.number(), wanted);
  columns.add_names(records, line.number());
  while (line.next() && line.complete())
    if (!line.text().empty()) columns.append(records, line.text(), line.number());
  return records;
}

/// Cuts a CSV trace after the last record whose step is at most `last_step`, so that a resumed run can append
/// to it. An interrupted last line goes as well. Throws `trace_error` for lines that are no records, and
/// `std::filesystem::filesystem_error` when the file cannot be changed.
inline void truncate_csv(const std::filesystem::path& path, std::size_t last_step) {
  std::optional<detail::csv_columns> columns;
  detail::truncate_lines(path, [&](const detail::line_reader& line) {
    if (!columns) {
      columns.emplace(line.text(), line.number(), std::vector<std::string>{});
      return true;
    }
    return line.text().empty() || columns->step(line.text(), line.number()) <= last_step;
  });
}

}  // namespace dvar::inline v0_2
