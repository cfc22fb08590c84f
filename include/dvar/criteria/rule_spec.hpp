#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

/// Holds one option of a rule in a text: `window=310`, or a word alone, such as the name of published
/// settings.
struct option_text {
  std::string key;
  /// Has no value for a word alone.
  std::optional<std::string> value{};

  bool operator==(const option_text&) const = default;
};

/// Says by names and texts what a rule is: its own name and options, or `any_of` or `all_of` and their members. The
/// options of a combinator (`despiked`, `every`, `consecutive`, `after`, `latched`) stand behind those of what it
/// holds, the innermost first.
struct rule_spec {
  std::string name;
  std::vector<option_text> options{};
  /// Holds the members of a group; empty for a rule.
  std::vector<rule_spec> members{};

  bool operator==(const rule_spec&) const = default;
};

namespace detail {

/// Lists the options that put a rule into a combinator, from the inside out.
inline constexpr std::string_view combinator_keys[] = {"despiked", "every", "consecutive", "after",
                                                       "latched"};

/// Returns the place of a combinator's option in their order, or how many there are for another option.
inline std::size_t combinator_place(std::string_view key) {
  return static_cast<std::size_t>(std::find(std::begin(combinator_keys), std::end(combinator_keys), key) -
                                  std::begin(combinator_keys));
}

/// Puts what a spec says into a combinator. Where the order of the options would not say so, what there is becomes
/// the only member of a group.
inline rule_spec combined(rule_spec inner, std::string_view key, std::optional<std::string> value) {
  const std::size_t place = combinator_place(key);
  const bool in_order =
      std::all_of(inner.options.begin(), inner.options.end(), [&](const option_text& option) {
        const std::size_t other = combinator_place(option.key);
        return other == std::size(combinator_keys) || other < place;
      });
  rule_spec outer = std::move(inner);
  if (!in_order) {
    rule_spec group{.name = "all_of"};
    group.members.push_back(std::move(outer));
    outer = std::move(group);
  }
  outer.options.push_back({std::string(key), std::move(value)});
  return outer;
}

/// Returns an option as a text has it, or no value for one that is the default.
template <class Options, class Field>
std::optional<std::string> changed_option(const Options& options, const Field& each) {
  const auto& value = options.*each.member;
  if (!each.required && value == Options{}.*each.member) return std::nullopt;
  return state_text(value);
}

}  // namespace detail

/// Says what a rule is, so that `make_criterion` makes it again, without what it has observed: options that are not
/// the defaults, and the rules in it. Throws `std::invalid_argument` for a rule that no text describes: one without
/// options of its own, such as one that communicates.
template <class Rule>
rule_spec spec_of(const Rule& rule) {
  if constexpr (requires {
                  { rule.spec() } -> std::same_as<rule_spec>;
                }) {
    return rule.spec();
  } else if constexpr (requires {
                         Rule::name;
                         rule.options();
                       }) {
    rule_spec spec{.name = std::string(Rule::name)};
    if constexpr (requires { rule.better(); })
      if (const std::string way = detail::state_text(rule.better()); way != "minimize")
        spec.options.push_back({"direction", way});
    const auto options = rule.options();
    for_each_field<std::remove_cvref_t<decltype(options)>>([&](const auto& each) {
      if (auto text = detail::changed_option(options, each))
        spec.options.push_back({std::string(each.name), std::move(text)});
    });
    return spec;
  } else {
    detail::fail<std::invalid_argument>(
        "a rule among these has no text: it has no options that describe themselves");
  }
}

}  // namespace dvar::inline v0_2
