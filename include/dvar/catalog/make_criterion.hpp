#pragma once

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <dvar/catalog/rule_grammar.hpp>
#include <dvar/catalog/rule_json.hpp>
#include <dvar/catalog/rule_maker.hpp>
#include <dvar/catalog/rule_text.hpp>
#include <dvar/catalog/rules.hpp>
#include <dvar/combinators/all_of.hpp>
#include <dvar/combinators/any_of.hpp>
#include <dvar/criteria/any_criterion.hpp>

namespace dvar::inline v0_2 {

namespace detail {

/// Returns whether a text may call the rule so.
template <class Rule>
bool is_called(std::string_view name) {
  if constexpr (requires { Rule::aliases; })
    if (std::find(Rule::aliases.begin(), Rule::aliases.end(), name) != Rule::aliases.end()) return true;
  return name == Rule::name;
}

template <class... Rules>
std::optional<any_criterion> make_from(type_list<Rules...>, const rule_text& text) {
  std::optional<any_criterion> made;
  ((is_called<Rules>(text.name) ? (void)made.emplace(rule_maker<Rules>(text).make()) : void()), ...);
  return made;
}

template <class... Rules>
std::vector<std::string_view> names_of(type_list<Rules...>) {
  std::vector<std::string_view> names;
  const auto add = [&]<class Rule>(std::type_identity<Rule>) {
    names.push_back(Rule::name);
    if constexpr (requires { Rule::aliases; })
      names.insert(names.end(), Rule::aliases.begin(), Rule::aliases.end());
  };
  (add(std::type_identity<Rules>{}), ...);
  return names;
}

}  // namespace detail

/// Returns the names that `make_criterion` knows, aliases among them.
inline std::vector<std::string_view> criterion_names() {
  return detail::names_of(scalar_rules{});
}

/// Returns the name of the rule that a text calls `name`, which may be an alias: "variance_ratio" for "dvar";
/// `name` itself where there is no such rule.
inline std::string_view resolved_name(std::string_view name) {
  const auto resolve = [&]<class... Rules>(type_list<Rules...>) {
    std::string_view found = name;
    ((found = detail::is_called<Rules>(name) ? Rules::name : found), ...);
    return found;
  };
  return resolve(scalar_rules{});
}

/// Makes the criterion that one rule's text describes. Throws what the other overloads throw.
inline any_criterion make_criterion(const rule_text& text) {
  std::optional<any_criterion> made = detail::make_from(scalar_rules{}, text);
  if (!made) {
    const std::vector<std::string_view> names = criterion_names();
    detail::fail_rule(text, "there is no rule " + detail::quoted(text.name) +
                                detail::suggestion(text.name, names) + "; expected one of " +
                                detail::joined(names, ", "));
  }
  return *std::move(made);
}

/// Makes the criterion that stops when all of these rules do; the rule itself for a single one. Throws what
/// the other overloads throw.
inline any_criterion make_criterion(const joint_text& rules) {
  std::vector<any_criterion> members;
  for (const rule_text& rule : rules)
    members.push_back(make_criterion(rule));
  return members.size() == 1 ? std::move(members.front()) : any_criterion{all_of{std::move(members)}};
}

/// Makes the criterion that a spec describes. Throws what the other overloads throw.
inline any_criterion make_criterion(const rule_spec& spec) {
  const rule_text text{spec.name, spec.options};
  if (spec.members.empty()) return make_criterion(text);
  std::vector<any_criterion> members;
  for (const rule_spec& member : spec.members)
    members.push_back(make_criterion(member));
  detail::combinator_options combinators;
  for (const option_text& given : spec.options)
    if (!combinators.take(text, given, [](std::string_view) {}))
      detail::fail_rule(text, "a group takes no " + detail::quoted(given.key) + "; expected some of " +
                                  detail::joined(detail::combinator_keys, ", "));
  if (members.size() == 1) return combinators.wrap(std::move(members.front()));
  if (spec.name == "any_of") return combinators.wrap(any_of{std::move(members)});
  if (spec.name == "all_of") return combinators.wrap(all_of{std::move(members)});
  detail::fail_rule(text, "expected any_of or all_of");
}

/// Makes the criterion that a line of text describes, for configuration files and command lines:
/// `variance_ratio:window=310,threshold=0.15`, `patience:patience=5,min_delta=1e-3,direction=minimize`,
/// `dvar:v1`.
///
/// The name is the class's or an alias: `dvar` for `variance_ratio`, `steps` for `step_limit`, `clip` for `clip_s`. The
/// keys are the fields of the class's options; those that are not given have the class's defaults. A required option
/// may stand without its key: `steps:6100`. Published settings stand by their names. Rules that need a direction
/// minimize unless `direction=maximize` is given. Every rule also takes `despiked=W`, `every=K`, `consecutive=K` and
/// `after=N`, which put it into the combinators of these names, in this order from the inside. Rules with `&` between
/// them stop when all of them do: `dvar:v2,despiked=3&slope_test`; with `|` between them, when one of them does.
/// Parentheses group rules, and a group takes these options, too:
/// `(dvar:v2&slope_test):consecutive=5,after=500|steps:6100`. The word `latched` holds a stop for good.
///
/// A text that begins with a brace is JSON, as `to_json` writes it. `to_text(spec_of(rule))` and
/// `to_json(spec_of(rule))` are the way back.
///
/// Rules on vectors (`movement`, `pflug`, `evidence_based`) have no text: their observations are no numbers.
///
/// Throws `std::invalid_argument` when the text cannot be read, or a name or an option is unknown, with the nearest
/// name that is known; and what the rule's constructor throws.
inline any_criterion make_criterion(std::string_view text) {
  const bool is_json =
      text.find_first_not_of(" \t\r\n") == text.find('{') && text.find('{') != std::string_view::npos;
  return make_criterion(is_json ? parse_spec_json(text) : parse_spec(text));
}

/// Returns the options of a `Rule` that a text describes, or no value where the text is of another rule,
/// joins several, or puts the rule into a combinator. Throws what `make_criterion` throws.
template <class Rule>
std::optional<options_of<Rule>> plain_options(const joint_text& rules) {
  if (rules.size() != 1 || !detail::is_called<Rule>(rules.front().name)) return std::nullopt;
  return detail::rule_maker<Rule>(rules.front()).plain_options();
}

}  // namespace dvar::inline v0_2
