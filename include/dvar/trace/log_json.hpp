#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/detail/json_scanner.hpp>
#include <dvar/detail/text_parts.hpp>
#include <dvar/text/number.hpp>
#include <dvar/trace/log_columns.hpp>
#include <dvar/trace/trace_error.hpp>

namespace dvar::inline v0_2::detail {

/// Reads the JSON that programs log: an object a line, an array of objects, or objects whose `log_history` is such an array, as
/// Hugging Face's `trainer_state.json` has. What is within a member goes by both names: `train/loss`.
class log_json {
 public:
  log_json(log_columns& columns, std::string_view text, std::size_t first_line)
      : columns_(columns), text_(text), scanner_(text, failure{text, first_line}), line_(first_line) {}

  /// Reads one value after another to the end.
  void read() {
    do {
      if (scanner_.is_at('['))
        scanner_.array([this] { record(/*has_history=*/false); });
      else
        record(/*has_history=*/true);
    } while (!scanner_.is_at_end());
  }

 private:
  struct failure {
    std::string_view text;
    std::size_t first_line;

    [[noreturn]] void operator()(std::size_t position, const std::string& expected) const {
      const std::string_view before = text.substr(0, position);
      const std::size_t column = position - (before.rfind('\n') + 1) + 1;
      fail<trace_error>(first_line + line_breaks(before),
                        "expected " + expected + " at column " + std::to_string(column) + ", found " +
                            (position < text.size() ? quoted(text.substr(position, 1)) : "the end"));
    }
  };

  static std::size_t line_breaks(std::string_view text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  /// Returns the number of the line that is read.
  std::size_t line() {
    const std::size_t end = std::min(scanner_.position(), text_.size());
    line_ += line_breaks(text_.substr(counted_, end - counted_));
    counted_ = end;
    return line_;
  }

  /// Holds the numbers of an object, and how it counts steps.
  struct numbers {
    std::vector<std::pair<std::string, double>> values;
    std::size_t step_place = step_names.size();
    std::string step;
    bool is_history = false;
  };

  /// Reads one object, which may be a whole log, or not. What is no object has no numbers by name.
  void record(bool has_history) {
    if (!scanner_.is_at('{')) {
      scanner_.skip();
      return;
    }
    numbers found;
    members(found, "", has_history);
    if (found.is_history) return;
    if (!columns_.counts_by(found.step_place)) {
      for (const auto& [name, value] : found.values)
        if (columns_.is_wanted(name))
          fail<trace_error>(line(), "there is no \"" + columns_.counted_by() + "\"");
      return;
    }
    const std::optional<std::size_t> step = parse_step(found.step);
    if (!step) {
      fail<trace_error>(line(),
                        "\"" + columns_.counted_by() + "\" is " + found.step + ", expected a whole number");
    }
    columns_.at(*step);
    for (const auto& [name, value] : found.values)
      columns_.add(name, value, line());
  }

  /// Bounds how deep objects may lie in objects: what lies deeper is passed over.
  static constexpr std::size_t longest_prefix = 256;

  void members(numbers& found, const std::string& prefix, bool has_history) {
    scanner_.object([&](std::string_view member) {
      const std::string name = prefix + std::string(member);
      if (has_history && scanner_.is_at('[') && name == "log_history") {
        found.is_history = true;
        scanner_.array([this] { record(/*has_history=*/false); });
      } else if (scanner_.is_at('{') && prefix.size() < longest_prefix) {
        members(found, name + "/", /*has_history=*/false);
      } else if (scanner_.is_at('{') || scanner_.is_at('[')) {
        scanner_.skip();
      } else {
        value(found, name);
      }
    });
  }

  /// Returns a value as it stands in the log.
  static std::string said(std::string_view text, bool is_string) {
    const char* const quote = is_string ? "\"" : "";
    return std::string(quote).append(text).append(quote);
  }

  void value(numbers& found, const std::string& name) {
    const bool is_string = scanner_.is_at('"');
    const std::string_view text = is_string ? scanner_.string() : scanner_.word();
    if (const std::size_t place = step_place(name); place < found.step_place) {
      found.step_place = place;
      found.step = said(text, is_string);
    }
    if (!is_string && text == "null") return;
    const auto number = parse_number<double>(text);
    // JSON has no number that is not finite: some write a string, some a word.
    if (number && (!is_string || !is_finite(*number)))
      found.values.emplace_back(name, *number);
    else if (columns_.is_wanted(name))
      fail<trace_error>(line(),
                        "\"" + name + "\" is " + said(text, is_string) + ", expected a number or null");
  }

  log_columns& columns_;
  std::string_view text_;
  json_scanner<failure> scanner_;
  std::size_t line_;
  std::size_t counted_ = 0;
};

}  // namespace dvar::inline v0_2::detail
