#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <dvar/criteria/any_criterion.hpp>

#include "training/run_stop.hpp"

namespace dvar::training {

/// Holds a rule that is shown another number of a run's records than the probe loss, such as `clip_score`. What the rule reports goes
/// into the record behind that number's name: `clip_score/best`.
class side_rule {
 public:
  /// `shown` names the number.
  side_rule(any_criterion rule, std::string_view shown);

  /// Names what the rule adds to a record.
  const std::vector<std::string>& numbers() const { return numbers_; }

  /// Shows the rule the number of a step, and passes on what it reports; returns why it stops, if it does.
  std::optional<run_stop> observe(double value, std::size_t step,
                                  const std::function<void(const std::string&, double)>& add);

  static void state(auto& self, auto& archive) { archive(self.rule_); }

 private:
  any_criterion rule_;
  std::vector<std::string> numbers_;
};

/// Returns the numbers by which a rule judges that is shown `shown`, by their names in a record.
std::vector<judged_number> judged_numbers_of(const any_criterion& rule, std::string_view shown);

}  // namespace dvar::training
