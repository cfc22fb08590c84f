#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/trace/trace.hpp>

namespace dvar::inline v0_2 {

/// Says what a criterion would have done on a recorded run.
struct replay_result {
  /// Holds the step at which it would have stopped; no value when it would not have.
  std::optional<std::size_t> stopped_at;
  /// Holds the last verdict: that of the stop, if there is one.
  verdict last;
  /// Holds the criterion's sentence for the last verdict.
  std::string reason;
  /// Says how many observations it was shown.
  std::size_t observations = 0;
};

namespace detail {

template <criterion C>
class replayer {
 public:
  explicit replayer(C rule) : rule_(std::move(rule)) {
    rule_.reset();
    result_.last = rule_.latest();
  }

  /// Tells the criterion of a step and, where there is one, shows it the step's value, as a monitor does. Returns
  /// false once the criterion has stopped.
  bool take(std::size_t step, const std::optional<double>& value,
            const std::optional<double>& training_loss) {
    if constexpr (advances<C>)
      if (!value || training_loss) result_.last = advance(rule_, step, training_loss);
    if (value) {
      ++result_.observations;
      result_.last = observe_at(rule_, *value, step);
    }
    if (result_.last.stop) result_.stopped_at = step;
    return !result_.last.stop;
  }

  replay_result finish() && {
    result_.reason = rule_.reason();
    return std::move(result_);
  }

 private:
  C rule_;
  replay_result result_;
};

}  // namespace detail

/// Shows a recorded run's values of one name to a criterion until it stops. Of the other records it is
/// told the step, and of all the training loss, as a monitor tells it. The criterion begins reset; the caller's own
/// is not changed.
template <criterion C>
replay_result replay(const trace& records, C rule, std::string_view name = probe_loss_name) {
  detail::replayer<C> player(std::move(rule));
  for (const trace_record& record : records) {
    const bool is_shown = name == training_loss_name;
    if (!player.take(record.step(), record[name], is_shown ? std::nullopt : record[training_loss_name]))
      break;
  }
  return std::move(player).finish();
}

/// Shows plain losses to a criterion until it stops, one a step from step 1.
template <std::ranges::input_range Losses, criterion C>
  requires std::convertible_to<std::ranges::range_value_t<Losses>, double>
replay_result replay(Losses&& losses, C rule) {
  detail::replayer<C> player(std::move(rule));
  std::size_t step = 0;
  for (const auto& loss : losses)
    if (!player.take(++step, static_cast<double>(loss), std::nullopt)) break;
  return std::move(player).finish();
}

}  // namespace dvar::inline v0_2
