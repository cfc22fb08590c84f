#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <dvar/catalog/catalog_json.hpp>
#include <dvar/criteria/rule_spec.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/detail/json_scanner.hpp>
#include <dvar/detail/text_parts.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

namespace detail {

/// Names the member that holds a word alone, such as the name of published settings.
inline constexpr std::string_view settings_member = "settings";

/// Writes the value of an option: true for a word alone that is a combinator, a number where it is one.
inline std::string json_of_option(const option_text& option) {
  if (!option.value) return "true";
  const std::optional<double> number = parse_number<double>(*option.value);
  return number && is_finite(*number) ? *option.value : json_string(*option.value);
}

/// Reads the JSON of `to_json`.
class spec_json_parser {
 public:
  explicit spec_json_parser(std::string_view text) : scanner_(text, failure{text}) {}

  rule_spec parse() {
    rule_spec spec = rule();
    scanner_.end("the end");
    return spec;
  }

 private:
  struct failure {
    std::string_view text;

    [[noreturn]] void operator()(std::size_t position, const std::string& expected) const {
      fail<std::invalid_argument>(quoted(text) + ": expected " + expected + " at character " +
                                  std::to_string(position + 1));
    }
  };

  rule_spec rule() {
    rule_spec spec;
    scanner_.object([&](std::string_view written) {
      const std::string key = plain(written);
      const bool is_group = key == "any_of" || key == "all_of";
      if ((is_group || key == "rule") && !spec.name.empty())
        fail_here("one of \"rule\", \"any_of\" and \"all_of\"");
      if (is_group) {
        spec.name = key;
        scanner_.array([&] { spec.members.push_back(rule()); });
      } else if (key == "rule") {
        spec.name = plain(scanner_.string());
      } else if (key == settings_member) {
        spec.options.push_back({plain(scanner_.string())});
      } else {
        option(spec, key);
      }
    });
    if (spec.name.empty()) fail_here("\"rule\", \"any_of\" or \"all_of\" in the object before it");
    return spec;
  }

  void option(rule_spec& spec, const std::string& key) {
    if (scanner_.is_at('"')) {
      spec.options.push_back({key, plain(scanner_.string())});
      return;
    }
    const std::size_t begin = scanner_.position();
    const std::string_view word = scanner_.word();
    if (word == "true")
      spec.options.push_back({key});
    else if (parse_number<double>(word))
      spec.options.push_back({key, std::string(word)});
    else if (word != "false" && word != "null")
      scanner_.fail_at(begin, "a number, a string, true, false or null");
  }

  /// Returns a string, which for names and numbers needs no escapes.
  std::string plain(std::string_view written) {
    if (written.find('\\') != std::string_view::npos) fail_here("text without '\\' before");
    return std::string(written);
  }

  [[noreturn]] void fail_here(const std::string& expected) {
    scanner_.fail_at(scanner_.position(), expected);
  }

  json_scanner<failure> scanner_;
};

}  // namespace detail

/// Writes a spec as JSON: `{"rule":"variance_ratio","window":100,"after":500}`,
/// `{"any_of":[{"rule":"step_limit","limit":6100},{"rule":"non_finite"}],"latched":true}`.
///
/// Numbers are numbers, names strings; a word alone, such as the name of published settings, is the value of
/// `settings`.
inline std::string to_json(const rule_spec& spec) {
  const auto member = [](const rule_spec& each) { return to_json(each); };
  detail::json_members members;
  if (spec.members.empty())
    members.emplace_back("rule", detail::json_string(spec.name));
  else
    members.emplace_back(spec.name, detail::json_array(spec.members, member));
  for (const option_text& option : spec.options)
    if (!option.value && detail::combinator_place(option.key) == std::size(detail::combinator_keys))
      members.emplace_back(detail::settings_member, detail::json_string(option.key));
    else
      members.emplace_back(option.key, detail::json_of_option(option));
  return detail::json_object(members);
}

/// Reads what `to_json` writes, and the same with other spaces and another order of members. Names and values are not
/// looked at; false and null are as if they were not given. Throws `std::invalid_argument` for another text. Takes
/// O(length) time.
inline rule_spec parse_spec_json(std::string_view text) {
  return detail::spec_json_parser(text).parse();
}

}  // namespace dvar::inline v0_2
