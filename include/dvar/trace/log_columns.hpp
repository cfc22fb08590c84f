#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/detail/text_parts.hpp>
#include <dvar/text/number.hpp>
#include <dvar/trace/lines.hpp>
#include <dvar/trace/trace.hpp>
#include <dvar/trace/trace_error.hpp>

namespace dvar::inline v0_2 {

/// Holds one column of a training log.
struct logged_column {
  std::string name;
  /// Has a record for each step of the log, in their order, with the column's value where there is one.
  trace records;
  /// Names the log's columns of numbers, in the order in which they came first: those that a rule can be shown.
  std::vector<std::string> columns;
};

namespace detail {

/// Returns the text in small letters.
inline std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (char& c : small)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return small;
}

/// Names the columns that programs count steps by, the best first: TensorBoard and Lightning write `step`, Weights & Biases
/// `_step`, Keras `epoch` alone.
inline constexpr std::array<std::string_view, 8> step_names{
    "step", "global_step", "trainer/global_step", "_step", "iteration", "iterations", "iter", "epoch"};

/// Names the columns that say when a line was written.
inline constexpr std::array<std::string_view, 6> time_names{"wall time", "wall_time", "_timestamp",
                                                            "timestamp", "_runtime",  "time"};

/// Returns the place of a name among those of steps, or their number.
inline std::size_t step_place(std::string_view name) {
  return static_cast<std::size_t>(std::find(step_names.begin(), step_names.end(), in_small_letters(name)) -
                                  step_names.begin());
}

/// Returns whether a rule can be shown the column: it counts neither steps nor time, and is no envelope of another, as Weights &
/// Biases exports them.
inline bool is_shown_to_rules(std::string_view name) {
  return !name.empty() && !name.ends_with("__MIN") && !name.ends_with("__MAX") &&
         step_place(name) == step_names.size() &&
         std::find(time_names.begin(), time_names.end(), in_small_letters(name)) == time_names.end();
}

/// Returns whether a number from 0 to 2^53 is whole.
inline bool is_whole(double number) {
  return static_cast<double>(static_cast<std::size_t>(number)) == number;
}

/// Returns the step that a text says, which others write as "12.0", too.
inline std::optional<std::size_t> parse_step(std::string_view text) {
  if (const auto whole = parse_number<std::size_t>(text)) return whole;
  const auto number = parse_number<double>(text);
  constexpr double exact = 9007199254740992.0;  // 2^53, up to which doubles have every whole number
  if (!number || !is_finite(*number) || *number < 0.0 || *number > exact || !is_whole(*number))
    return std::nullopt;
  return static_cast<std::size_t>(*number);
}

/// Collects the columns of a log, line by line, and gives the one that is asked for.
class log_columns {
 public:
  /// Keeps the column of this name; with an empty one, all, of which `column` chooses.
  explicit log_columns(std::string_view wanted) : wanted_(wanted) {}

  [[nodiscard]] bool is_wanted(std::string_view name) const noexcept { return name == wanted_; }

  /// Returns whether steps are counted by the name at this place of `step_names`: the first that comes decides for the whole log, as
  /// steps and epochs would mix.
  bool counts_by(std::size_t place) {
    if (!counted_by_ && place < step_names.size()) counted_by_ = place;
    has_values_without_step_ = has_values_without_step_ || counted_by_ != place;
    return counted_by_ == place;
  }

  /// Names what counts the steps.
  [[nodiscard]] std::string counted_by() const { return std::string(step_names[counted_by_.value_or(0)]); }

  /// Takes steps in any order from now on. Otherwise they must not fall: a log in which they do is of several runs.
  void take_any_order() noexcept { takes_any_order_ = true; }

  /// Goes to a step.
  void at(std::size_t step) {
    const std::optional<std::size_t> before =
        records_.empty() ? std::nullopt : std::optional(records_.back().step());
    const bool falls = before && step < *before;
    falls_to_ = falls && !takes_any_order_ ? std::optional(step) : std::nullopt;
    is_sorted_ = is_sorted_ && !falls;
    if (!falls_to_ && before != step) records_.append(step);
  }

  /// Adds a value of the step. Names that no trace can hold are passed over, unless they are wanted.
  void add(std::string_view name, double value, std::size_t line) {
    if (is_shown_to_rules(name) && std::find(names_.begin(), names_.end(), name) == names_.end())
      names_.emplace_back(name);
    if (wanted_.empty() ? !is_shown_to_rules(name) || !trace::can_name(name) : !is_wanted(name)) return;
    if (falls_to_) {
      conflicts_.emplace_back(name, "expected steps that rise, found " + std::to_string(*falls_to_) +
                                        " behind " + std::to_string(records_.back().step()));
    } else {
      add_to(records_, name, value, line);
    }
  }

  /// Forgets the steps from `step` on, which a resumed run did again.
  void forget_from(std::size_t step) {
    trace kept;
    for (const trace_record& record : records_)
      if (record.step() < step) kept.append(record.step(), record);
    records_ = std::move(kept);
  }

  /// Returns the column that was asked for. Throws `trace_error` when there are no values of it, or none of which it is clear that
  /// they are meant.
  [[nodiscard]] logged_column column() && {
    if (records_.empty() && has_values_without_step_)
      fail<trace_error>("expected a column of steps, one of " + joined(step_names, ", ") + ", found none");
    if (takes_any_order_ && !is_sorted_) sort();
    const std::string name = wanted_.empty() ? chosen() : wanted_;
    if (wanted_.empty()) records_ = of_one_column(name);
    if (records_.names().empty()) {
      fail<trace_error>("expected values of " + name + ", found " +
                        (names_.empty() ? "no column of numbers" : "only " + joined(names_, ", ")));
    }
    for (const auto& [twice, what] : conflicts_)
      if (twice == name) fail<trace_error>(what);
    return {.name = name, .records = std::move(records_), .columns = std::move(names_)};
  }

 private:
  [[nodiscard]] std::string chosen() const {
    const auto is_probe = [](const std::string& name) { return name == probe_loss_name; };
    if (std::any_of(names_.begin(), names_.end(), is_probe)) return std::string(probe_loss_name);
    if (names_.size() != 1) {
      fail<trace_error>("expected values of " + std::string(probe_loss_name) +
                        ", or a single column, found " +
                        (names_.empty() ? "no column of numbers" : joined(names_, ", ")));
    }
    return names_.front();
  }

  [[nodiscard]] trace of_one_column(const std::string& name) const {
    trace one;
    for (const trace_record& record : records_) {
      one.append(record.step());
      if (const std::optional<double> value = record[name]) one.add(name, *value);
    }
    return one;
  }

  /// Adds a value, and remembers where the step has another of this name.
  void add_to(trace& records, std::string_view name, double value, std::size_t line) {
    const std::optional<double> before = records.back()[name];
    if (!before) {
      change_trace(line, [&] { records.add(name, value); });
    } else if (*before != value && !(is_nan(*before) && is_nan(value))) {
      conflicts_.emplace_back(name, "step " + std::to_string(records.back().step()) + " has two values of " +
                                        std::string(name) + ": " + shortest_text(*before) + " and " +
                                        shortest_text(value));
    }
  }

  /// Puts the records into the order of their steps, those of one step together.
  void sort() {
    std::vector<std::size_t> order(records_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    // Those of one step stay in their order. std::stable_sort is no choice: with libstdc++ 12, Clang 19 warns of it.
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(records_[a].step(), a) < std::pair(records_[b].step(), b);
    });
    trace sorted(records_.names());
    for (const std::size_t index : order) {
      const trace_record record = records_[index];
      if (sorted.empty() || sorted.back().step() != record.step()) sorted.append(record.step());
      for (const named_value& each : record)
        add_to(sorted, each.name, each.value, 0);
    }
    records_ = std::move(sorted);
  }

  std::string wanted_;
  trace records_;
  bool takes_any_order_ = false;
  bool is_sorted_ = true;
  std::optional<std::size_t> falls_to_;  // a step whose values are not taken
  std::optional<std::size_t> counted_by_;
  bool has_values_without_step_ = false;
  std::vector<std::string> names_;
  std::vector<std::pair<std::string, std::string>> conflicts_;  // names, and what is wrong
};

}  // namespace detail

}  // namespace dvar::inline v0_2
