#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <istream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/json_scanner.hpp>
#include <dvar/trace/lines.hpp>
#include <dvar/trace/log_columns.hpp>
#include <dvar/trace/log_csv.hpp>
#include <dvar/trace/log_events.hpp>
#include <dvar/trace/log_json.hpp>
#include <dvar/trace/trace_error.hpp>

namespace dvar::inline v0_2 {

namespace detail {

inline bool is_blank(const std::string& line) {
  return line.find_first_not_of(" \t") == std::string::npos;
}

/// Returns whether the bytes are those of an event file. It begins with the length of a short record, in 8 bytes of which the
/// second is 0; no text has such a byte.
inline bool is_event_file(std::istream& in) {
  if (in.get() == std::istream::traits_type::eof()) {
    in.clear(std::ios::eofbit);
    return false;
  }
  const bool is_zero = in.peek() == 0;
  in.clear();
  in.unget();
  return is_zero;
}

/// Reads JSON whose first line is known: objects of a line each, or one text that goes over lines.
inline void read_json_log(std::istream& in, line_reader& line, log_columns& columns) {
  if (!has_whole_json_value(line.text())) {
    std::string text = line.text() + "\n";
    text.append(std::istreambuf_iterator<char>(in), {});
    // What was interrupted in its first value has no record that is whole.
    if (has_whole_json_value(text)) log_json(columns, text, 1).read();
    return;
  }
  do {
    if (is_blank(line.text())) continue;
    if (!line.complete() && !has_whole_json_value(line.text())) return;
    log_json(columns, line.text(), line.number()).read();
  } while (line.next());
}

/// Reads a log in whatever form it has.
inline void read_log(std::istream& in, log_columns& columns) {
  if (is_event_file(in)) {
    log_events(columns).read(in);
    return;
  }
  line_reader line(in);
  do
    if (!line.next()) return;
  while (is_blank(line.text()));
  const char first = line.text()[line.text().find_first_not_of(" \t")];
  if (first == '{' || first == '[') {
    read_json_log(in, line, columns);
  } else if (line.complete()) {
    const std::string_view mark = "\xEF\xBB\xBF";  // of UTF-8, which spreadsheets write
    log_csv csv(columns, line.text().substr(line.text().starts_with(mark) ? mark.size() : 0));
    while (line.next() && line.complete())
      if (!line.text().empty()) csv.add(line.text(), line.number());
  }
}

}  // namespace detail

/// Reads one column of a training log, whoever wrote it. Known are the forms of a trace; TensorBoard's event files and
/// its exported CSV; Lightning's `metrics.csv`; Keras' `CSVLogger`; Hugging Face's `trainer_state.json`; what Weights & Biases
/// exports; and other JSON lines and CSV with a header.
///
/// Steps are counted by the first of step, global_step, trainer/global_step, _step, iteration, iterations, iter and epoch, in
/// whatever case, that the log has. Values of one step may stand in several lines. A column whose name is
/// empty is probe_loss, or else the only one of numbers that counts neither steps nor time. A last line or record that is cut off
/// is an interrupted write, and left out.
///
/// Throws `trace_error` when the log cannot be read, when it has no values of the column, with those that there are, and when a
/// step has two values of it, or steps fall.
inline logged_column read_log(std::istream& in, std::string_view column = {}) {
  detail::log_columns columns(column);
  detail::read_log(in, columns);
  return std::move(columns).column();
}

/// Reads a column of a log from a file, or from a folder with event files, in the order of their names: those of a run that was
/// resumed are one log. Throws `trace_error` as the other does, and when there is no such file.
inline logged_column read_log(const std::filesystem::path& path, std::string_view column = {}) {
  std::vector<std::filesystem::path> files{path};
  // What may not be looked at cannot be opened either.
  std::error_code hidden;
  if (std::filesystem::is_directory(path, hidden)) {
    files.clear();
    for (const auto& entry : std::filesystem::directory_iterator(path, hidden))
      if (entry.path().filename().string().find("tfevents") != std::string::npos)
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    if (files.empty()) detail::fail<trace_error>("expected event files in the folder, found none");
  }
  detail::log_columns columns(column);
  for (const std::filesystem::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    if (!in) detail::fail<trace_error>("cannot be opened");
    detail::read_log(in, columns);
    // Streams catch what is thrown in them, lack of memory too, and only look as if the file had ended.
    if (in.bad()) detail::fail<trace_error>("cannot be read to its end; is there too little memory?");
  }
  return std::move(columns).column();
}

}  // namespace dvar::inline v0_2
