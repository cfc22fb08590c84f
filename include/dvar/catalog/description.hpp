#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <dvar/catalog/rules.hpp>
#include <dvar/criteria/report.hpp>
#include <dvar/options/field.hpp>
#include <dvar/statistics/direction.hpp>

namespace dvar::inline v0_2 {

/// Describes an option of a rule, ready to be shown.
struct option_description {
  std::string_view name;
  /// Says what its values are.
  enum class kind : std::uint8_t { whole_number, number, choice } type = kind::number;
  /// Lists the names of the values, for a choice.
  std::vector<std::string_view> choices{};
  /// Says which numbers it may be, such as "at least 2"; empty for all.
  std::string allowed{};
  /// Holds the default; no value where the option is required, or nothing where it is not given.
  std::optional<std::string> default_value{};
  bool required = false;
  std::string_view sentence;
};

/// Returns the names of the kinds in texts.
constexpr std::array<std::string_view, 3> enumerator_names(option_description::kind) {
  return {"whole_number", "number", "choice"};
}

/// Describes a rule, ready to be shown: what texts, C, Python and the documentation say of it.
struct rule_description {
  std::string_view name;
  std::vector<std::string_view> aliases{};
  /// Says what it does, in a sentence without its full stop.
  std::string_view summary;
  /// Says whether it asks which way is better.
  bool has_direction = false;
  /// Lists the published settings: their names, and the values of all options, no value where one is not
  /// given.
  std::vector<std::pair<std::string_view, std::vector<std::optional<std::string>>>> published{};
  std::vector<option_description> options{};
  /// Lists the names of the numbers that it reports.
  std::vector<std::string_view> reported{};
};

/// Names the struct of options of a rule.
template <class Rule>
using options_of = std::remove_cvref_t<decltype(std::declval<const Rule&>().options())>;

/// Requires a rule that asks which way is better.
template <class Rule>
concept has_direction = std::constructible_from<Rule, direction, options_of<Rule>>;

namespace detail {

/// Returns the value that the field has in `options`, or no value where it is not given.
template <class Options, class Value>
std::optional<std::string> value_text(const Options& options, const field<Options, Value>& each) {
  const Value& value = options.*each.member;
  if constexpr (is_optional<Value>)
    return value ? std::optional(state_text(*value)) : std::nullopt;
  else
    return state_text(value);
}

template <class Options, class Value>
option_description describe_field(const field<Options, Value>& each) {
  option_description option{.name = each.name, .required = each.required, .sentence = each.sentence};
  if constexpr (std::is_enum_v<Value>) {
    option.type = option_description::kind::choice;
    const auto names = enumerator_names(Value{});
    option.choices.assign(names.begin(), names.end());
  } else {
    if (std::integral<Value>) option.type = option_description::kind::whole_number;
    option.allowed = each.allowed.text();
  }
  if (!each.required) option.default_value = value_text(Options{}, each);
  return option;
}

/// Returns a rule with the defaults, and with some number that it may be for a required option.
template <class Rule>
Rule some_rule() {
  options_of<Rule> options{};
  for_each_field<options_of<Rule>>([&]<class Value>(const field<options_of<Rule>, Value>& each) {
    if constexpr (std::is_arithmetic_v<Value>)
      for (const double number : {0.0, 0.5, 1.0, 2.0})
        if (each.required && each.allowed.contains(number)) options.*each.member = static_cast<Value>(number);
  });
  if constexpr (has_direction<Rule>)
    return Rule{direction::minimize, options};
  else
    return Rule{options};
}

}  // namespace detail

/// Returns the description of a rule, made from what the rule and its options say of themselves.
template <class Rule>
rule_description describe() {
  using options = options_of<Rule>;
  rule_description rule{.name = Rule::name, .summary = Rule::summary, .has_direction = has_direction<Rule>};
  if constexpr (requires { Rule::aliases; }) rule.aliases.assign(Rule::aliases.begin(), Rule::aliases.end());
  for_each_field<options>([&](const auto& each) { rule.options.push_back(detail::describe_field(each)); });
  if constexpr (requires { Rule::published; }) {
    for (const auto& published : Rule::published) {
      auto& texts =
          rule.published.emplace_back(published.name, std::vector<std::optional<std::string>>{}).second;
      for_each_field<options>(
          [&](const auto& each) { texts.push_back(detail::value_text(published.options, each)); });
    }
  }
  for_each_reported(detail::some_rule<Rule>(),
                    [&rule](const reported_value& each) { rule.reported.push_back(each.name); });
  return rule;
}

/// Returns the descriptions of the rules of a list, in its order.
template <class... Rules>
std::vector<rule_description> describe_all(type_list<Rules...>) {
  return {describe<Rules>()...};
}

}  // namespace dvar::inline v0_2
