#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Says where a rule stops: at a number that is `compared` like this with `bound`.
struct stop_bound {
  /// Says how the number is compared with the bound.
  enum class comparison : std::uint8_t { less, less_equal, greater, greater_equal };

  comparison compared = comparison::less;
  double bound = 0.0;

  bool operator==(const stop_bound&) const = default;
};

/// Returns the bound in words, to follow "stops": "below 0.15", "at 10 or above".
inline std::string to_text(const stop_bound& stops) {
  const std::string bound = brief_text(stops.bound);
  switch (stops.compared) {
    case stop_bound::comparison::less:
      return "below " + bound;
    case stop_bound::comparison::less_equal:
      return "at " + bound + " or below";
    case stop_bound::comparison::greater:
      return "above " + bound;
    case stop_bound::comparison::greater_equal:
      return "at " + bound + " or above";
  }
  return bound;
}

/// Holds one of a rule's own numbers, as of its latest observation.
struct reported_value {
  /// Names the rule, such as "variance_ratio".
  std::string_view rule;
  /// Says what the number is, such as "ratio".
  std::string_view name;
  /// Holds the number; no value while it is undefined.
  std::optional<double> value{};
  /// Says where the rule stops, if this is the number that it judges by.
  std::optional<stop_bound> stops{};
};

/// Takes the numbers that a criterion reports, one after the other; refers to a function that takes a `reported_value`.
///
/// A criterion reports the same names in the same order at every observation, those without a value among them.
class report_visitor {
 public:
  /// Refers to `take`, which must outlive this.
  template <class Take>
  explicit report_visitor(Take& take)
      : take_(&take),
        call_([](void* to, const reported_value& value) { (*static_cast<Take*>(to))(value); }) {}

  void operator()(const reported_value& value) const { call_(take_, value); }

 private:
  void* take_;
  void (*call_)(void*, const reported_value&);
};

/// Calls `take(reported_value)` for every number that the criterion reports.
template <class Criterion, class Take>
void for_each_reported(const Criterion& rule, Take take) {
  rule.report(report_visitor(take));
}

/// Returns all numbers that the criterion reports.
template <class Criterion>
std::vector<reported_value> reported_values(const Criterion& rule) {
  std::vector<reported_value> values;
  for_each_reported(rule, [&values](const reported_value& value) { values.push_back(value); });
  return values;
}

/// Returns the names under which a record has these numbers, in their order, no two the same: the number's
/// own name where no other has it ("ratio"); behind the rule's where several do ("patience/best"); with the
/// rule's place among those of its kind where these are of one kind ("variance_ratio_2/ratio").
inline std::vector<std::string> record_names(const std::vector<reported_value>& values) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::size_t of_name = 0;
    std::size_t of_rule = 0;
    std::size_t place = 1;
    for (std::size_t j = 0; j < values.size(); ++j) {
      if (values[j].name != values[i].name) continue;
      ++of_name;
      if (values[j].rule != values[i].rule) continue;
      ++of_rule;
      if (j < i) ++place;
    }
    std::string& name = names.emplace_back();
    if (of_name > 1) name.append(values[i].rule);
    if (of_rule > 1) name.append("_").append(std::to_string(place));
    if (of_name > 1) name.append("/");
    name.append(values[i].name);
  }
  return names;
}

/// Describes a number by which a rule judges: its name in a record, and where the rule stops.
struct judged_number {
  std::string name;
  stop_bound stops;
};

/// Returns the numbers by which a criterion's rules judge, in the order in which it reports them.
template <class Criterion>
std::vector<judged_number> judged_numbers(const Criterion& rule) {
  const std::vector<reported_value> values = reported_values(rule);
  const std::vector<std::string> names = record_names(values);
  std::vector<judged_number> judged;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i].stops) judged.push_back({names[i], *values[i].stops});
  return judged;
}

}  // namespace dvar::inline v0_2
