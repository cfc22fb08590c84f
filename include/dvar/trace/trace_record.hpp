#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace dvar {

/// What is known of one training step. What was not measured at that step has no value.
struct trace_record {
  /// Counted from 1.
  std::size_t step = 0;
  /// The training loss.
  std::optional<double> loss{};
  /// The norm of the gradient.
  std::optional<double> gradient_norm{};
  /// The loss on fixed inputs, which the criterion observes.
  std::optional<double> probe_loss{};
  /// Population variances of the probe's last N values and of all of them, and their ratio.
  std::optional<double> rolling_variance{};
  /// Population variance of all of the probe's values.
  std::optional<double> total_variance{};
  /// The former over the latter.
  std::optional<double> ratio{};

  bool operator==(const trace_record&) const = default;
};

/// Records in the order of their steps.
using trace = std::vector<trace_record>;

namespace detail {

struct trace_field {
  std::string_view name;
  std::optional<double> trace_record::* value;
};

/// Every value of a record, in the order in which files have them, under the names that files use.
inline constexpr std::array<trace_field, 6> trace_fields{{
    {"loss", &trace_record::loss},
    {"gradient_norm", &trace_record::gradient_norm},
    {"probe_loss", &trace_record::probe_loss},
    {"rolling_variance", &trace_record::rolling_variance},
    {"total_variance", &trace_record::total_variance},
    {"ratio", &trace_record::ratio},
}};

}  // namespace detail

}  // namespace dvar
