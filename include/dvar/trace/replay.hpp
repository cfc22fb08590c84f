#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <ranges>
#include <string>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/trace/trace_record.hpp>

namespace dvar {

/// What a criterion would have done on a recorded run.
struct replay_result {
  /// The step at which it would have stopped; no value when it would not have.
  std::optional<std::size_t> stopped_at;
  /// The last verdict: that of the stop, if there is one.
  verdict last;
  /// The criterion's sentence for it.
  std::string reason;
  /// How many observations it was shown.
  std::size_t observations = 0;
};

namespace detail {

template <criterion C>
class replayer {
 public:
  explicit replayer(C rule) : rule_(std::move(rule)) { rule_.reset(); }

  /// False once the criterion has stopped.
  bool show(double value, std::size_t step) {
    ++result_.observations;
    if (observe_at(rule_, value, step).stop) result_.stopped_at = step;
    return !result_.stopped_at;
  }

  replay_result finish() && {
    result_.last = rule_.latest();
    result_.reason = rule_.reason();
    return std::move(result_);
  }

 private:
  C rule_;
  replay_result result_;
};

}  // namespace detail

/// Shows the probe losses of a recorded run to a criterion until it stops. Records without one are passed
/// over. The criterion begins reset; the caller's own is not changed.
template <criterion C>
replay_result replay(const trace& records, C rule) {
  detail::replayer<C> player(std::move(rule));
  for (const trace_record& record : records)
    if (record.probe_loss && !player.show(*record.probe_loss, record.step)) break;
  return std::move(player).finish();
}

/// The same for plain losses, one a step from step 1.
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
