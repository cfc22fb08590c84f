#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace dvar::inline v0_2::detail {

/// Goes through JSON (RFC 8259) from value to value. Escapes in strings are left as they stand.
///
/// `Fail` is called with the place and what was expected there, and does not return.
template <class Fail>
class json_scanner {
 public:
  json_scanner(std::string_view text, Fail fail) : text_(text), fail_(std::move(fail)) {}

  [[nodiscard]] std::size_t position() const noexcept { return position_; }

  /// Returns whether the next character is `c`, past what is no character of a value.
  [[nodiscard]] bool is_at(char c) noexcept { return !is_at_end() && text_[position_] == c; }

  [[nodiscard]] bool is_at_end() noexcept {
    position_ = std::min(text_.find_first_not_of(" \t\r\n", position_), text_.size());
    return position_ == text_.size();
  }

  bool accept(char c) noexcept {
    const bool found = is_at(c);
    position_ += found ? 1 : 0;
    return found;
  }

  /// Calls `member(name)` for every member of an object; it takes the value.
  template <class Member>
  void object(Member member) {
    expect('{');
    if (accept('}')) return;
    do {
      const std::string_view name = string();
      expect(':');
      member(name);
    } while (accept(','));
    expect('}');
  }

  /// Calls `element()` for every element of an array; it takes the value.
  template <class Element>
  void array(Element element) {
    expect('[');
    if (accept(']')) return;
    do
      element();
    while (accept(','));
    expect(']');
  }

  std::string_view string() {
    expect('"');
    const std::size_t begin = position_;
    while (position_ < text_.size() && text_[position_] != '"')
      position_ += text_[position_] == '\\' ? 2 : 1;
    if (position_ >= text_.size()) {
      position_ = text_.size();
      fail_at(position_, "'\"'");
    }
    return text_.substr(begin, position_++ - begin);
  }

  /// Takes a number, true, false or null, which whoever uses it checks.
  std::string_view word() {
    const bool is_other = is_at('{') || is_at('[');
    const std::size_t begin = position_;
    position_ = std::min(text_.find_first_of(",}] \t\r\n", begin), text_.size());
    if (position_ == begin || is_other) fail_at(begin, "a number, a string, true, false or null");
    return text_.substr(begin, position_ - begin);
  }

  /// Passes over a value, however deep it is.
  void skip() {
    std::size_t depth = 0;
    do {
      if (accept('{') || accept('[')) {
        ++depth;
      } else if (depth > 0 && (accept('}') || accept(']'))) {
        --depth;
      } else if (depth == 0 || (!accept(',') && !accept(':'))) {
        if (is_at('"'))
          string();
        else
          word();
      }
    } while (depth > 0);
  }

  /// Fails unless there is nothing more; `what` says so.
  void end(const char* what) {
    if (!is_at_end()) fail_at(position_, what);
  }

  [[noreturn]] void fail_at(std::size_t position, const std::string& expected) const {
    fail_(position, expected);
    std::abort();
  }

 private:
  void expect(char c) {
    if (!accept(c)) fail_at(position_, std::string(1, '\'').append(1, c).append(1, '\''));
  }

  std::string_view text_;
  Fail fail_;
  std::size_t position_ = 0;
};

/// Returns whether the text has all of its first value, which begins with a brace or a bracket: all that was opened is closed.
inline bool has_whole_json_value(std::string_view text) noexcept {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"')
      for (++i; i < text.size() && text[i] != '"'; ++i)
        i += text[i] == '\\' ? 1 : 0;
    else if (c == '{' || c == '[')
      ++depth;
    else if ((c == '}' || c == ']') && (depth == 0 || --depth == 0))
      return true;
  }
  return false;
}

}  // namespace dvar::inline v0_2::detail
