#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <istream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <dvar/detail/fail.hpp>
#include <dvar/trace/trace.hpp>
#include <dvar/trace/trace_error.hpp>

namespace dvar::inline v0_2::detail {

/// Takes a text apart into lines and knows where each one ends.
class line_reader {
 public:
  explicit line_reader(std::istream& in) : in_(in) {}

  /// Goes to the next line and returns true, or false at the end. A carriage return before the line break is
  /// not part of the text.
  bool next() {
    if (!std::getline(in_, text_)) return false;
    complete_ = !in_.eof();
    end_ += text_.size() + (complete_ ? 1 : 0);
    ++number_;
    if (!text_.empty() && text_.back() == '\r') text_.pop_back();
    return true;
  }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// Returns the number of the line, counted from 1.
  [[nodiscard]] std::size_t number() const noexcept { return number_; }
  /// Returns whether the line ends with a line break: a last line that does not may be an interrupted write.
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  /// Returns the number of bytes up to the end of the line, its line break included.
  [[nodiscard]] std::uintmax_t end() const noexcept { return end_; }

 private:
  std::istream& in_;
  std::string text_;
  std::size_t number_ = 0;
  bool complete_ = false;
  std::uintmax_t end_ = 0;
};

/// Calls `change`, which changes a trace by what was read at a line. Throws `trace_error` where the trace refuses it.
template <class Change>
void change_trace(std::size_t line, Change change) {
  attempt<std::invalid_argument>(
      change, [line](const std::exception& error) { fail<trace_error>(line, error.what()); });
}

/// Cuts a file after the last complete line that `keep(line)` accepts, before the first that it does not.
template <class Keep>
void truncate_lines(const std::filesystem::path& path, Keep keep) {
  std::uintmax_t end = 0;
  {
    std::ifstream in(path, std::ios::binary);
    if (!in) detail::fail<trace_error>("trace: cannot open " + path.string());
    line_reader line(in);
    while (line.next() && line.complete() && keep(line))
      end = line.end();
  }
  std::filesystem::resize_file(path, end);
}

}  // namespace dvar::inline v0_2::detail
