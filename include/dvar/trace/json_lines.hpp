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
#include <dvar/detail/finite.hpp>
#include <dvar/detail/json_scanner.hpp>
#include <dvar/detail/text_parts.hpp>
#include <dvar/text/number.hpp>
#include <dvar/trace/lines.hpp>
#include <dvar/trace/trace.hpp>
#include <dvar/trace/trace_error.hpp>

namespace dvar::inline v0_2 {

/// Writes a record as one line of JSON: `{"step":12,"loss":0.1834,"probe_loss":0.1791}`.
///
/// Numbers are the shortest that read back exactly; JSON has none that are not finite, so these are the strings "nan",
/// "inf" and "-inf". The caller flushes and checks the stream.
inline void write_json_line(std::ostream& out, const trace_record& record) {
  std::string line = "{\"step\":" + std::to_string(record.step());
  for (const auto& [name, value] : record) {
    const char* const quote = detail::is_finite(value) ? "" : "\"";
    line.append(",\"").append(name).append("\":");
    line.append(quote).append(shortest_text(value)).append(quote);
  }
  out << line << "}\n";
}

namespace detail {

/// Says what is wrong with a line of JSON.
inline std::string not_json(std::string_view line, std::size_t position, const std::string& expected) {
  const std::string found = position < line.size() ? quoted(line.substr(position, 1)) : "the end";
  return "expected " + expected + " at column " + std::to_string(position + 1) + ", found " + found;
}

/// Calls `member(name, value)` for every member of a line that is a number, and returns the step.
template <class Member>
std::size_t parse_json_line(std::string_view text, std::size_t line, const std::vector<std::string>& wanted,
                            Member member) {
  std::optional<std::size_t> step;
  json_scanner scanner(text, [&](std::size_t position, const std::string& expected) {
    fail<trace_error>(line, not_json(text, position, expected));
  });
  scanner.object([&](std::string_view name) {
    const bool is_string = scanner.is_at('"');
    const std::string_view value = is_string ? scanner.string() : scanner.word();
    const auto fail_at = [&](const char* expected) {
      const char* const quote = is_string ? "\"" : "";
      fail<trace_error>(line, "\"" + std::string(name) + "\" is " + quote + std::string(value) + quote +
                                  ", expected " + expected);
    };
    if (name == "step") {
      step = is_string ? std::nullopt : parse_number<std::size_t>(value);
      if (!step) fail_at("a whole number");
      return;
    }
    const bool is_wanted = std::find(wanted.begin(), wanted.end(), name) != wanted.end();
    if (!wanted.empty() && !is_wanted) return;
    if (!is_string && value == "null") return;
    const auto number = parse_number<double>(value);
    const bool is_number = number && is_string != detail::is_finite(*number);
    const bool is_something_else = is_string ? !number : value == "true" || value == "false";
    if (is_something_else && !is_wanted) return;
    if (!is_number) fail_at("a number, \"nan\", \"inf\", \"-inf\" or null");
    member(name, *number);
  });
  scanner.end("the end of the line");
  if (!step) fail<trace_error>(line, "there is no \"step\"");
  return *step;
}

}  // namespace detail

/// Reads what `write_json_line` wrote, exactly. Text, true and false are no values of a trace and are passed over; with
/// `wanted`, members of other names are not looked at, and those of these names must be numbers. Empty lines are
/// passed over, and so is a last line that is cut off (without its line break and no whole object): an interrupted
/// write. In a program that is compiled without exceptions, so is every last line without its line break. Throws
/// `trace_error`.
inline trace read_json_lines(std::istream& in, const std::vector<std::string>& wanted = {}) {
  trace records;
  detail::line_reader line(in);
  while (line.next()) {
    if (line.text().empty()) continue;
    // The names refer to the line.
    std::vector<named_value> values;
    std::optional<std::size_t> step;
    const auto parse = [&] {
      step = detail::parse_json_line(
          line.text(), line.number(), wanted,
          [&values](std::string_view name, double value) { values.push_back({name, value}); });
    };
    // Whether a last line is cut off shows where it cannot be parsed.
    if (line.complete() || detail::has_exceptions)
      detail::attempt<trace_error>(parse, [&line](const trace_error& error) {
        if (line.complete()) detail::fail<trace_error>(error);
      });
    if (!step) break;
    detail::change_trace(line.number(), [&] { records.append(*step, values); });
  }
  return records;
}

/// Cuts a file of JSON lines after the last record whose step is at most `last_step`, so that a resumed run
/// can append to it. An interrupted last line goes as well. Throws `trace_error` for lines that are no
/// records, and `std::filesystem::filesystem_error` when the file cannot be changed.
inline void truncate_json_lines(const std::filesystem::path& path, std::size_t last_step) {
  detail::truncate_lines(path, [last_step](const detail::line_reader& line) {
    return line.text().empty() ||
           detail::parse_json_line(line.text(), line.number(), {}, [](auto&&...) {}) <= last_step;
  });
}

}  // namespace dvar::inline v0_2
