#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dvar/catalog/description.hpp>
#include <dvar/catalog/rule_maker.hpp>
#include <dvar/catalog/rules.hpp>
#include <dvar/statistics/direction.hpp>

namespace dvar::inline v0_2 {

namespace detail {

/// Writes a string of JSON (RFC 8259).
inline std::string json_string(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20U) {
      quoted.append("\\u00").append({digits[code >> 4U], digits[code & 15U]});
    } else {
      if (c == '"' || c == '\\') quoted.push_back('\\');
      quoted.push_back(c);
    }
  }
  return quoted + '"';
}

/// Writes an array of what `write` makes of each element.
template <class Range, class Write>
std::string json_array(const Range& range, Write write) {
  std::string array = "[";
  for (const auto& each : range)
    array.append(array.size() == 1 ? "" : ",").append(write(each));
  return array.append("]");
}

/// Holds the names of an object's members, and their values as JSON.
using json_members = std::vector<std::pair<std::string_view, std::string>>;

inline std::string json_object(const json_members& members) {
  std::string object = "{";
  for (const auto& [name, value] : members)
    object.append(object.size() == 1 ? "" : ",").append(json_string(name)).append(":").append(value);
  return object.append("}");
}

inline std::string json_flag(bool flag) {
  return flag ? "true" : "false";
}

/// Writes a value of an option: null for none; a string for an enumerator, and for infinities and NaN.
inline std::string json_value(const option_description& option, const std::optional<std::string>& text) {
  if (!text) return "null";
  const bool is_finite = text->find('n') == std::string::npos;
  const bool is_number = option.type != option_description::kind::choice && is_finite;
  return is_number ? *text : json_string(*text);
}

inline std::string json_option(const option_description& option) {
  return json_object({{"name", json_string(option.name)},
                      {"type", json_string(state_text(option.type))},
                      {"choices", json_array(option.choices, json_string)},
                      {"allowed", json_string(option.allowed)},
                      {"default", json_value(option, option.default_value)},
                      {"required", json_flag(option.required)},
                      {"sentence", json_string(option.sentence)}});
}

inline std::string json_rule(const rule_description& rule) {
  const auto json_published = [&rule](const auto& published) {
    json_members values;
    for (std::size_t i = 0; i < rule.options.size(); ++i)
      values.emplace_back(rule.options[i].name, json_value(rule.options[i], published.second[i]));
    return json_object({{"name", json_string(published.first)}, {"options", json_object(values)}});
  };
  return json_object({{"name", json_string(rule.name)},
                      {"aliases", json_array(rule.aliases, json_string)},
                      {"summary", json_string(rule.summary)},
                      {"direction", json_flag(rule.has_direction)},
                      {"published", json_array(rule.published, json_published)},
                      {"options", json_array(rule.options, json_option)},
                      {"reported", json_array(rule.reported, json_string)}});
}

}  // namespace detail

/// Returns all that `make_criterion` knows, as a JSON text for other languages:
///
///     {"rules":[{"name":"hall","aliases":[],"summary":"Stops when …","direction":false,"published":[],
///                "options":[{"name":"window","type":"whole_number","choices":[],"allowed":"at least 2","default":310,
///                            "required":false,"sentence":"N: how many of …"},…],"reported":["band"]},…],
///      "directions":["minimize","maximize"],"combinators":[…]}
///
/// The rules are `scalar_rules`, in their order. See `rule_description` and `option_description` for what the members mean.
/// `direction` tells whether a rule asks which way is better. The combinators are options that every rule takes.
inline std::string catalog_json() {
  const auto json_combinator = [](const detail::wrapper& each) {
    return detail::json_option({.name = each.key,
                                .type = option_description::kind::whole_number,
                                .allowed = std::string(each.allowed),
                                .sentence = each.sentence});
  };
  return detail::json_object(
      {{"rules", detail::json_array(describe_all(scalar_rules{}), detail::json_rule)},
       {"directions", detail::json_array(enumerator_names(direction{}), detail::json_string)},
       {"combinators", detail::json_array(detail::wrappers, json_combinator)}});
}

}  // namespace dvar::inline v0_2
