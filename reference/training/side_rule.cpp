#include "training/side_rule.hpp"

#include <utility>

#include <fmt/format.h>

namespace dvar::training {
namespace {

std::string name_behind(std::string_view shown, const std::string& number) {
  return fmt::format("{}/{}", shown, number);
}

}  // namespace

side_rule::side_rule(any_criterion rule, std::string_view shown) : rule_{std::move(rule)} {
  for (const std::string& name : record_names(reported_values(rule_)))
    numbers_.push_back(name_behind(shown, name));
}

std::optional<run_stop> side_rule::observe(double value, std::size_t step,
                                           const std::function<void(const std::string&, double)>& add) {
  const verdict judged = rule_.observe(value, step);
  auto name = numbers_.begin();
  for_each_reported(rule_, [&](const reported_value& number) {
    if (number.value) add(*name, *number.value);
    ++name;
  });
  if (!judged.stop) return std::nullopt;
  return run_stop{std::string{judged.rule}, rule_.reason()};
}

std::vector<judged_number> judged_numbers_of(const any_criterion& rule, std::string_view shown) {
  std::vector<judged_number> numbers = judged_numbers(rule);
  for (judged_number& number : numbers)
    number.name = name_behind(shown, number.name);
  return numbers;
}

}  // namespace dvar::training
