// Prints what the pages of the rules have to say: the descriptions of all rules, those on vectors among them, and the names of
// the numbers by which each judges.

#include <iostream>
#include <string>
#include <vector>

#include <dvar/catalog/catalog_json.hpp>
#include <dvar/catalog/description.hpp>
#include <dvar/catalog/rules.hpp>
#include <dvar/criteria/report.hpp>

namespace {

template <class Rule>
std::string judged() {
  const auto name = [](const dvar::judged_number& number) { return dvar::detail::json_string(number.name); };
  return dvar::detail::json_string(Rule::name) + ":" +
         dvar::detail::json_array(dvar::judged_numbers(dvar::detail::some_rule<Rule>()), name);
}

template <class... Rules, class... More>
void print(dvar::type_list<Rules...>, dvar::type_list<More...>) {
  const std::vector<dvar::rule_description> rules = dvar::describe_all(dvar::type_list<Rules..., More...>{});
  std::cout << "{\"rules\":" << dvar::detail::json_array(rules, dvar::detail::json_rule) << ",\"judged\":{";
  const char* before = "";
  for (const std::string& each : {judged<Rules>()..., judged<More>()...}) {
    std::cout << before << each;
    before = ",";
  }
  std::cout << "}}\n";
}

}  // namespace

int main() {
  print(dvar::scalar_rules{}, dvar::vector_rules{});
}
