#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <dvar/catalog/closest_name.hpp>
#include <dvar/catalog/description.hpp>
#include <dvar/catalog/rule_text.hpp>
#include <dvar/combinators/after.hpp>
#include <dvar/combinators/consecutive.hpp>
#include <dvar/combinators/despiked.hpp>
#include <dvar/combinators/every.hpp>
#include <dvar/combinators/latched.hpp>
#include <dvar/criteria/any_criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/text_parts.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

namespace detail {

/// Describes an option of every rule that puts it into a combinator.
struct wrapper {
  std::string_view key;
  /// Says which numbers it may be.
  std::string_view allowed;
  /// Says for people what it does.
  std::string_view sentence;
  any_criterion (*wrap)(std::size_t number, any_criterion rule);
};

/// Lists the options that put a rule into a combinator, from the inside out.
inline constexpr std::array<wrapper, 4> wrappers{{
    {"despiked", "odd", "show the rule the running median of so many observations, without spikes",
     [](std::size_t n, any_criterion rule) -> any_criterion { return despiked{n, std::move(rule)}; }},
    {"every", "at least 1", "show the rule one of every so many observations",
     [](std::size_t n, any_criterion rule) -> any_criterion { return every{n, std::move(rule)}; }},
    {"consecutive", "at least 1", "stop when the rule has said stop so many times in a row",
     [](std::size_t n, any_criterion rule) -> any_criterion { return consecutive{n, std::move(rule)}; }},
    {"after", "at least 1", "stop only after so many observations, or training steps",
     [](std::size_t n, any_criterion rule) -> any_criterion { return after{n, std::move(rule)}; }},
}};

[[noreturn]] inline void fail_rule(const rule_text& rule, const std::string& why) {
  fail<std::invalid_argument>(detail::quoted(to_text(rule)) + ": " + why);
}

/// Returns " (did you mean 'NAME'?)" where a name is near, to follow what was found.
template <class Names>
std::string suggestion(std::string_view word, const Names& names) {
  const auto closest = closest_name(word, names);
  return closest ? " (did you mean " + detail::quoted(*closest) + "?)" : "";
}

/// Lists every way to write an option of the rule, for messages: `window=NUMBER`, `scale=absolute|relative`,
/// `v1`.
inline std::vector<std::string> option_forms(const rule_description& rule) {
  std::vector<std::string> forms;
  for (const auto& preset : rule.published)
    forms.emplace_back(preset.first);
  if (rule.has_direction) forms.push_back("direction=" + joined(enumerator_names(direction{}), "|"));
  for (const option_description& option : rule.options) {
    const bool chosen = option.type == option_description::kind::choice;
    forms.push_back(std::string(option.name) + "=" + (chosen ? joined(option.choices, "|") : "NUMBER"));
  }
  for (const wrapper& each : wrappers)
    forms.push_back(std::string(each.key) + "=NUMBER");
  forms.emplace_back("latched");
  return forms;
}

/// Reads a value of the kind that `value` has. Throws `std::invalid_argument` when the text is none.
template <class Value>
void read_option(const rule_text& rule, std::string_view key, std::string_view text, Value& value) {
  if constexpr (is_optional<Value>) {
    read_option(rule, key, text, value.emplace());
  } else if constexpr (std::is_enum_v<Value>) {
    const auto names = enumerator_names(Value{});
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end())
      fail_rule(rule, std::string(key) + ": expected " + joined(names, "|") + ", found '" +
                          std::string(text) + "'");
    value = static_cast<Value>(found - names.begin());
  } else {
    const auto number = parse_number<Value>(text);
    if (!number) {
      fail_rule(rule, std::string(key) + ": expected " +
                          (std::integral<Value> ? "a whole number, found " : "a number, found ") +
                          detail::quoted(text));
    }
    value = *number;
  }
}

/// Collects the options of a rule, or of a group, that put it into combinators.
class combinator_options {
 public:
  /// Takes `given` if it is one of them, and returns whether it is. `take(key)` is told of it first. Throws
  /// `std::invalid_argument` for a number that is none.
  template <class Take>
  bool take(const rule_text& text, const option_text& given, Take take_key) {
    if (!given.value && given.key == "latched") {
      take_key(given.key);
      latched_ = true;
      return true;
    }
    for (std::size_t i = 0; given.value && i < wrappers.size(); ++i) {
      if (given.key != wrappers[i].key) continue;
      take_key(given.key);
      read_option(text, given.key, *given.value, wrapped_[i]);
      return true;
    }
    return false;
  }

  [[nodiscard]] bool empty() const {
    return !latched_ &&
           std::none_of(wrapped_.begin(), wrapped_.end(), [](const auto& each) { return each.has_value(); });
  }

  /// Returns the rule in these combinators. Throws what their constructors throw.
  [[nodiscard]] any_criterion wrap(any_criterion rule) const {
    for (std::size_t i = 0; i < wrappers.size(); ++i)
      if (wrapped_[i]) rule = wrappers[i].wrap(*wrapped_[i], std::move(rule));
    return latched_ ? any_criterion{latched{std::move(rule)}} : rule;
  }

 private:
  std::array<std::optional<std::size_t>, wrappers.size()> wrapped_;
  bool latched_ = false;
};

/// Makes a rule from its text.
template <class Rule>
class rule_maker {
 public:
  /// Throws `std::invalid_argument` for an option that the rule does not have, that cannot be read, or that is missing or
  /// given twice.
  explicit rule_maker(const rule_text& text) : text_(text) {
    // Published settings first: the other options override them, wherever they stand.
    for (const option_text& given : text.options)
      take_published(given);
    for (const option_text& given : text.options)
      if (!is_published(given) && !take_direction(given) && !take_combinator(given) && !take_field(given))
        fail(given);
    for_each_field<options>([this](const auto& each) {
      if (each.required && !is_taken(each.name))
        fail_rule(text_, "expected " + std::string(each.name) + "=NUMBER");
    });
  }

  /// Throws what the rule's constructor and those of its combinators throw.
  [[nodiscard]] any_criterion make() const {
    any_criterion rule = [this]() -> any_criterion {
      if constexpr (has_direction<Rule>)
        return Rule{better_, options_};
      else
        return Rule{options_};
    }();
    return combinators_.wrap(std::move(rule));
  }

  /// Returns the rule's own options, or no value where combinators were asked for too.
  [[nodiscard]] std::optional<options_of<Rule>> plain_options() const {
    return combinators_.empty() ? std::optional(options_) : std::nullopt;
  }

 private:
  using options = options_of<Rule>;

  [[nodiscard]] bool is_taken(std::string_view name) const {
    return std::find(taken_.begin(), taken_.end(), name) != taken_.end();
  }

  void take(std::string_view name) {
    if (is_taken(name)) fail_rule(text_, std::string(name) + " is given twice");
    taken_.push_back(name);
  }

  static bool is_published(const option_text& given) {
    if constexpr (requires { Rule::published; }) {
      for (const auto& each : Rule::published)
        if (!given.value && each.name == given.key) return true;
    }
    return false;
  }

  void take_published(const option_text& given) {
    if (!is_published(given)) return;
    if constexpr (requires { Rule::published; }) {
      take("one of the published settings");
      for (const auto& each : Rule::published)
        if (each.name == given.key) options_ = each.options;
    }
  }

  bool take_direction(const option_text& given) {
    if (!has_direction<Rule> || !given.value || given.key != "direction") return false;
    take("direction");
    read_option(text_, given.key, *given.value, better_);
    return true;
  }

  bool take_field(const option_text& given) {
    bool found = false;
    for_each_field<options>([&](const auto& each) {
      // A required option needs no key.
      const bool alone = each.required && !given.value;
      if (!alone && !(given.value && given.key == each.name)) return;
      take(each.name);
      read_option(text_, each.name, alone ? given.key : *given.value, options_.*each.member);
      found = true;
    });
    return found;
  }

  bool take_combinator(const option_text& given) {
    return combinators_.take(text_, given, [this](std::string_view key) { take(key); });
  }

  [[noreturn]] void fail(const option_text& given) const {
    const std::vector<std::string> forms = option_forms(dvar::describe<Rule>());
    std::vector<std::string_view> keys;
    for (const std::string& form : forms)
      keys.push_back(std::string_view(form).substr(0, form.find('=')));
    const bool is_known = std::find(keys.begin(), keys.end(), given.key) != keys.end();
    fail_rule(text_,
              (is_known ? detail::quoted(given.key) + (given.value ? " takes no value" : " needs a value")
                        : "there is no option " + detail::quoted(given.key) + suggestion(given.key, keys)) +
                  "; expected some of " + joined(forms, ", "));
  }

  const rule_text& text_;
  options options_{};
  direction better_ = direction::minimize;
  combinator_options combinators_;
  std::vector<std::string_view> taken_;
};

}  // namespace detail

}  // namespace dvar::inline v0_2
