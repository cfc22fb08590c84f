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

namespace dvar {

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

  /// Shows a value to the criterion, and returns false once that has stopped.
  bool show(double value, std::size_t step) {
    ++result_.observations;
    result_.last = observe_at(rule_, value, step);
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

/// Shows a recorded run's values of one name to a criterion until it stops. Records without one are passed over. The
/// criterion begins reset; the caller's own is not changed.
template <criterion C>
replay_result replay(const trace& records, C rule, std::string_view name = probe_loss_name) {
  detail::replayer<C> player(std::move(rule));
  for (const trace_record& record : records) {
    const std::optional<double> value = record[name];
    if (value && !player.show(*value, record.step())) break;
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
    if (!player.show(static_cast<double>(loss), ++step)) break;
  return std::move(player).finish();
}

}  // namespace dvar
