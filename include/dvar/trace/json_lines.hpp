#pragma once

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/flat_json.hpp>
#include <dvar/detail/lines.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/trace/trace_error.hpp>
#include <dvar/trace/trace_record.hpp>

namespace dvar {

/// Writes a record as one line of JSON: `{"step":12,"loss":0.1834,"probe_loss":0.1791}`.
///
/// Values that a record does not have are left out. Numbers are the shortest that read back exactly; JSON has
/// none that are not finite, so these are the strings "nan", "inf" and "-inf". The caller flushes and checks
/// the stream.
inline void write_json_line(std::ostream& out, const trace_record& record) {
  std::string line = "{\"step\":" + std::to_string(record.step);
  for (const auto& [name, value] : detail::trace_fields) {
    if (const std::optional<double>& number = record.*value) {
      const char* const quote = std::isfinite(*number) ? "" : "\"";
      line.append(",\"").append(name).append("\":");
      line.append(quote).append(detail::shortest_text(*number)).append(quote);
    }
  }
  out << line << "}\n";
}

namespace detail {

inline trace_record parse_json_line(std::string_view text, std::size_t line) {
  trace_record record;
  bool has_step = false;
  flat_json(text, line).for_each([&](std::string_view name, std::string_view value, bool quoted) {
    const auto fail = [&](const std::string& expected) {
      std::string message{'"'};
      message.append(name).append("\" is ").append(value).append(", expected ").append(expected);
      detail::fail<trace_error>(line, message);
    };
    if (name == "step") {
      const auto step = parse_number<std::size_t>(value);
      if (!step || quoted) fail("a whole number");
      record.step = *step;
      has_step = true;
    }
    for (const auto& field : trace_fields) {
      if (name == field.name && (quoted || value != "null")) {
        const auto number = parse_number<double>(value);
        if (!number || quoted == std::isfinite(*number)) fail("a number, \"nan\", \"inf\", \"-inf\" or null");
        record.*field.value = number;
      }
    }
  });
  if (!has_step) detail::fail<trace_error>(line, "there is no \"step\"");
  return record;
}

}  // namespace detail

/// Reads what `write_json_line` wrote, exactly. Members of other names are ignored, empty lines too, and so
/// is a last line that is cut off (without its line break and no whole object): an interrupted write. Throws
/// `trace_error`.
inline trace read_json_lines(std::istream& in) {
  trace records;
  detail::line_reader line(in);
  while (line.next()) {
    if (line.text().empty()) continue;
    try {
      records.push_back(detail::parse_json_line(line.text(), line.number()));
    } catch (const trace_error&) {
      if (line.complete()) throw;
    }
  }
  return records;
}

/// Cuts a file of JSON lines after the last record whose step is at most `last_step`, so that a resumed run
/// can append to it. An interrupted last line goes as well. Throws `trace_error` for lines that are no
/// records, and `std::filesystem::filesystem_error` when the file cannot be changed.
inline void truncate_json_lines(const std::filesystem::path& path, std::size_t last_step) {
  detail::truncate_lines(path, [last_step](const detail::line_reader& line) {
    return line.text().empty() || detail::parse_json_line(line.text(), line.number()).step <= last_step;
  });
}

}  // namespace dvar
