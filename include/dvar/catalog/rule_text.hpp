#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <dvar/criteria/rule_spec.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/text_parts.hpp>

namespace dvar::inline v0_2 {

/// Holds one rule in a text: `hall:window=310,threshold=0.01`.
struct rule_text {
  std::string name;
  /// Lists the options in the order of the text.
  std::vector<option_text> options{};

  bool operator==(const rule_text&) const = default;

  /// Returns the first option with this key, or null where there is none.
  [[nodiscard]] const option_text* find(std::string_view key) const {
    const auto found = std::find_if(options.begin(), options.end(),
                                    [key](const option_text& option) { return option.key == key; });
    return found == options.end() ? nullptr : &*found;
  }

  /// Takes the options with this key out and returns the first.
  std::optional<option_text> take(std::string_view key) {
    const option_text* const found = find(key);
    if (found == nullptr) return std::nullopt;
    option_text taken = *found;
    std::erase_if(options, [&](const option_text& option) { return option.key == taken.key; });
    return taken;
  }
};

/// Holds the texts of all rules that are to stop together.
using joint_text = std::vector<rule_text>;

/// Writes the rule's text as `parse_rules` reads it.
inline std::string to_text(const rule_text& rule) {
  std::string text = rule.name;
  char before = ':';
  for (const option_text& option : rule.options) {
    text.append(1, before).append(option.key);
    if (option.value) text.append("=").append(*option.value);
    before = ',';
  }
  return text;
}

/// Writes the joint text, with `&` between the rules.
inline std::string to_text(const joint_text& rules) {
  std::string text;
  for (const rule_text& rule : rules)
    text.append(text.empty() ? "" : "&").append(to_text(rule));
  return text;
}

/// Takes a text apart: rules with `&` between them, each a name, and after a colon options with commas
/// between them. Names and values are not looked at. Throws `std::invalid_argument` when an option is empty
/// or has no key. Takes O(length) time.
inline joint_text parse_rules(std::string_view text) {
  const auto fail_at = [text](const char* expected) {
    detail::fail<std::invalid_argument>(detail::quoted(text) + ": " + expected);
  };
  joint_text rules;
  for (const std::string_view part : detail::split(text, '&')) {
    const std::size_t colon = std::min(part.find(':'), part.size());
    rule_text& rule = rules.emplace_back(rule_text{std::string(part.substr(0, colon))});
    if (rule.name.empty()) fail_at("expected the name of a rule, found none");
    if (colon == part.size()) continue;
    for (const std::string_view option : detail::split(part.substr(colon + 1), ',')) {
      const std::size_t equals = std::min(option.find('='), option.size());
      if (equals == 0) fail_at("expected KEY=VALUE after the colon and each comma");
      option_text& given = rule.options.emplace_back(option_text{std::string(option.substr(0, equals))});
      if (equals < option.size()) given.value = std::string(option.substr(equals + 1));
    }
  }
  return rules;
}

}  // namespace dvar::inline v0_2
