#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <dvar/detail/fail.hpp>
#include <dvar/trace/trace_error.hpp>

namespace dvar::inline v0_1::detail {

/// Reads one JSON object (RFC 8259) whose values are numbers, strings, true, false or null: a line of a
/// trace. Escapes in strings are left as they stand, as the names in traces have none.
class flat_json {
 public:
  /// Reads `text`; `line` is the number that messages give.
  flat_json(std::string_view text, std::size_t line) : text_(text), line_(line) {}

  /// Calls `member(name, value, quoted)` for every member, `value` without its quotes. Throws `trace_error`
  /// when the text is no such object.
  template <class Member>
  void for_each(Member member) {
    expect('{');
    if (!accept('}')) {
      do {
        const std::string_view name = string();
        expect(':');
        skip_space();
        const bool quoted = position_ < text_.size() && text_[position_] == '"';
        member(name, quoted ? string() : token(), quoted);
      } while (accept(','));
      expect('}');
    }
    skip_space();
    if (position_ != text_.size()) fail("the end of the line");
  }

 private:
  void skip_space() noexcept {
    position_ = std::min(text_.find_first_not_of(" \t\r\n", position_), text_.size());
  }

  bool accept(char c) noexcept {
    skip_space();
    const bool found = position_ < text_.size() && text_[position_] == c;
    position_ += found ? 1 : 0;
    return found;
  }

  void expect(char c) {
    if (!accept(c)) fail(std::string("'") + c + "'");
  }

  std::string_view string() {
    expect('"');
    const std::size_t begin = position_;
    while (position_ < text_.size() && text_[position_] != '"')
      position_ += text_[position_] == '\\' ? 2 : 1;
    if (position_ >= text_.size()) {
      position_ = text_.size();
      fail("'\"'");
    }
    return text_.substr(begin, position_++ - begin);
  }

  /// Takes a number, true, false or null, which whoever uses it checks.
  std::string_view token() {
    const std::size_t begin = position_;
    position_ = std::min(text_.find_first_of(",} \t\r\n", begin), text_.size());
    if (position_ == begin || text_[begin] == '{' || text_[begin] == '[') {
      position_ = begin;
      fail("a number, a string, true, false or null");
    }
    return text_.substr(begin, position_ - begin);
  }

  [[noreturn]] void fail(const std::string& expected) const {
    const std::string found =
        position_ < text_.size() ? std::string("'") + text_[position_] + "'" : "the end";
    detail::fail<trace_error>(
        line_, "expected " + expected + " at column " + std::to_string(position_ + 1) + ", found " + found);
  }

  std::string_view text_;
  std::size_t line_;
  std::size_t position_ = 0;
};

}  // namespace dvar::inline v0_1::detail
