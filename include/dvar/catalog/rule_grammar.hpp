#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dvar/catalog/rule_text.hpp>
#include <dvar/criteria/rule_spec.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/text_parts.hpp>

namespace dvar::inline v0_2 {

namespace detail {

/// Reads rules with `&` and `|` between them and parentheses around them: see `parse_spec`.
class spec_parser {
 public:
  explicit spec_parser(std::string_view text) : text_(text) {}

  rule_spec parse() {
    rule_spec spec = group('|', "any_of", [this] { return group('&', "all_of", [this] { return item(); }); });
    if (position_ < text_.size()) fail_here("the end");
    return spec;
  }

 private:
  template <class Member>
  rule_spec group(char between, std::string_view name, Member member) {
    rule_spec first = member();
    if (!accept(between)) return first;
    rule_spec joined{.name = std::string(name)};
    joined.members.push_back(std::move(first));
    do
      joined.members.push_back(member());
    while (accept(between));
    return joined;
  }

  rule_spec item() {
    if (!accept('(')) return leaf(until("|&()"));
    rule_spec inner =
        group('|', "any_of", [this] { return group('&', "all_of", [this] { return item(); }); });
    if (!accept(')')) fail_here("')'");
    if (!accept(':')) return inner;
    // The options of a leaf in parentheses, and of a group that has some already, are those of a group around it.
    if (inner.members.empty() || !inner.options.empty()) {
      rule_spec around{.name = "all_of"};
      around.members.push_back(std::move(inner));
      inner = std::move(around);
    }
    inner.options = leaf("group:" + std::string(until("|&()"))).options;
    return inner;
  }

  static rule_spec leaf(std::string_view text) {
    rule_text rule = std::move(parse_rules(text).front());
    return {.name = std::move(rule.name), .options = std::move(rule.options)};
  }

  bool accept(char c) noexcept {
    const bool found = position_ < text_.size() && text_[position_] == c;
    position_ += found ? 1 : 0;
    return found;
  }

  std::string_view until(std::string_view ends) noexcept {
    const std::size_t begin = position_;
    position_ = std::min(text_.find_first_of(ends, begin), text_.size());
    return text_.substr(begin, position_ - begin);
  }

  [[noreturn]] void fail_here(const char* expected) const {
    fail<std::invalid_argument>(quoted(text_) + ": expected " + expected + " at character " +
                                std::to_string(position_ + 1));
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace detail

/// Takes a text apart: rules with `&` between those that are to stop together and `|` between alternatives, of which
/// `&` binds more strongly; parentheses group them, and options of combinators may follow:
/// `(dvar:v2&slope_test):consecutive=5,after=500|steps:6100`. Names and values are not looked at. Throws
/// `std::invalid_argument` for a text that is none of these. Takes O(length) time.
inline rule_spec parse_spec(std::string_view text) {
  return detail::spec_parser(text).parse();
}

/// Writes a spec as `parse_spec` reads it.
inline std::string to_text(const rule_spec& spec) {
  std::string text = spec.name;
  if (!spec.members.empty()) {
    text.clear();
    const bool any = spec.name == "any_of";
    for (const rule_spec& member : spec.members) {
      // With options it has parentheses already, and `&` binds more strongly than `|`.
      const bool around =
          !member.members.empty() && member.options.empty() && (!any || member.name == spec.name);
      if (!text.empty()) text.append(any ? "|" : "&");
      text.append(around ? "(" : "").append(to_text(member)).append(around ? ")" : "");
    }
    if (!spec.options.empty()) text = "(" + text + ")";
  }
  char before = ':';
  for (const option_text& option : spec.options) {
    text.append(1, before).append(option.key);
    if (option.value) text.append("=").append(*option.value);
    before = ',';
  }
  return text;
}

}  // namespace dvar::inline v0_2
