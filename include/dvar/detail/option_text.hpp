#pragma once

#include <concepts>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/number_text.hpp>

namespace dvar::detail {

/// A name with options, `NAME` or `NAME:KEY=VALUE,KEY=VALUE,WORD`, that are taken out one by one. What was not taken
/// by `finish()` is an error, and so is a value that cannot be read: `std::invalid_argument` with a message that
/// says what was expected.
class option_text {
 public:
  explicit option_text(std::string_view text) : text_(text) {
    const auto colon = text.find(':');
    name_ = text.substr(0, colon);
    if (colon == std::string_view::npos) return;
    for (std::string_view rest = text.substr(colon + 1);;) {
      const auto comma = rest.find(',');
      const std::string_view part = rest.substr(0, comma);
      const auto equals = part.find('=');
      if (part.empty() || equals == 0) refuse("expected KEY=VALUE after the colon and each comma");
      parts_.push_back({part.substr(0, equals), equals == std::string_view::npos
                                                    ? std::nullopt
                                                    : std::optional(part.substr(equals + 1))});
      if (comma == std::string_view::npos) break;
      rest = rest.substr(comma + 1);
    }
  }

  [[nodiscard]] std::string_view name() const noexcept { return name_; }

  /// Whether the word stands among the options, alone.
  bool take_word(std::string_view word) {
    known_.push_back(std::string(word));
    return take(word, /*with_value=*/false).has_value();
  }

  /// Leaves `value` as it is where the key is not given. True if it is.
  template <class Number>
    requires std::integral<Number> || std::floating_point<Number>
  bool take_number(std::string_view key, Number& value) {
    known_.push_back(std::string(key) + "=NUMBER");
    const auto given = take(key, /*with_value=*/true);
    if (!given) return false;
    const auto number = parse_number<Number>(*given);
    if (!number) {
      refuse(std::string(key) + ": expected " +
             (std::integral<Number> ? "a whole number, found '" : "a number, found '") + std::string(*given) +
             "'");
    }
    value = *number;
    return true;
  }

  /// The same for a key that must be given.
  template <class Number>
  Number take_required(std::string_view key) {
    Number value{};
    if (!take_number(key, value)) refuse("expected " + std::string(key) + "=NUMBER");
    return value;
  }

  template <class Enumeration>
  void take_choice(std::string_view key, Enumeration& value,
                   std::initializer_list<std::pair<std::string_view, Enumeration>> choices) {
    std::string names;
    for (const auto& [name, _] : choices) {
      names += names.empty() ? "" : "|";
      names += name;
    }
    known_.push_back(std::string(key) + "=" + names);
    const auto given = take(key, /*with_value=*/true);
    if (!given) return;
    for (const auto& [name, choice] : choices) {
      if (name == *given) {
        value = choice;
        return;
      }
    }
    refuse(std::string(key) + ": expected " + names + ", found '" + std::string(*given) + "'");
  }

  /// Refuses what nobody took.
  void finish() const {
    if (parts_.empty()) return;
    std::string known;
    for (const std::string& each : known_) {
      known += known.empty() ? "" : ", ";
      known += each;
    }
    refuse("'" + std::string(parts_.front().key) + "' is given twice or is no option; expected " +
           (known.empty() ? "none" : "some of " + known));
  }

  [[noreturn]] void refuse(const std::string& why) const {
    fail<std::invalid_argument>("'" + std::string(text_) + "': " + why);
  }

 private:
  struct option {
    std::string_view key;
    std::optional<std::string_view> value;
  };

  /// Takes the part out; a word's value is empty text.
  std::optional<std::string_view> take(std::string_view key, bool with_value) {
    for (auto at = parts_.begin(); at != parts_.end(); ++at) {
      if (at->key == key && at->value.has_value() == with_value) {
        const std::string_view value = at->value.value_or(std::string_view{});
        parts_.erase(at);
        return value;
      }
    }
    return std::nullopt;
  }

  std::string_view text_;
  std::string_view name_;
  std::vector<option> parts_;
  std::vector<std::string> known_;
};

}  // namespace dvar::detail
