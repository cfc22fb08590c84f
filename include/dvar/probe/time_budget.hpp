#pragma once

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>

#include <dvar/detail/fail.hpp>
#include <dvar/options/interval.hpp>
#include <dvar/probe/cadence.hpp>
#include <dvar/state.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Runs the probe as often as a share of the training time allows: `time_budget{0.1}` for at most 10 %.
///
/// After a step, with T the time spent outside the probe and P that spent in it, both since the first step,
/// the probe is due when another evaluation as long as the latest one, p, keeps to the budget:
/// \f[ P + p \le \beta T \f]
/// The first evaluation, after the first step, finds out what p is. It may be dear; the budget is kept from
/// the time on when training has made up for it. An evaluation may also take longer than the one before it.
///
/// When the probe runs then depends on the machine, and so do the observations and the step of the stop.
/// Ranks of one run must not each have a budget of their own; neither is it for a run that is to be repeated
/// exactly. The criterion's window counts evaluations, whenever they are.
///
/// `Clock` is a clock that never goes back. Every call takes constant time.
template <class Clock = std::chrono::steady_clock>
  requires(Clock::is_steady)
class time_budget {
 public:
  /// Names the unit in which time is counted.
  using seconds = std::chrono::duration<double>;

  /// `share` is β, a share of the time outside the probe. Throws `std::invalid_argument` unless it is above 0
  /// and at most 1.
  explicit time_budget(double share) : share_(share) {
    if (!above(0.0).at_most(1.0).contains(share)) {
      detail::fail<std::invalid_argument>("time_budget: the share must be above 0 and at most 1, not " +
                                          shortest_text(share));
    }
  }

  bool due(std::size_t /*step*/) noexcept {
    const auto now = Clock::now();
    if (started_) training_ += now - since_;
    started_ = true;
    since_ = now;
    return seconds{probing_ + latest_} <= share_ * training() || latest_ < duration::zero();
  }

  /// Takes note that the evaluation that was due is over.
  void evaluated() noexcept {
    const auto now = Clock::now();
    latest_ = now - since_;
    probing_ += latest_;
    since_ = now;
  }

  [[nodiscard]] double share() const noexcept { return share_; }
  /// Returns T, the time spent outside the probe up to the latest step.
  [[nodiscard]] seconds training() const noexcept { return training_; }
  /// Returns P, the time spent in the probe.
  [[nodiscard]] seconds probing() const noexcept { return probing_; }

  void reset() noexcept { *this = time_budget{share_}; }

  /// A loaded budget goes on from the times that were saved; what passes until the next step is not counted. The share
  /// is not part of the state: a run may continue with another.
  static void state(auto& self, auto& archive) {
    archive.section("time_budget", 1);
    archive(self.training_, self.probing_, self.latest_);
    if constexpr (is_loading<decltype(archive)>) self.started_ = false;
  }

 private:
  using duration = typename Clock::duration;

  double share_;
  duration training_ = duration::zero();
  duration probing_ = duration::zero();
  duration latest_ = duration{-1};  // below 0 before the first evaluation
  typename Clock::time_point since_{};
  bool started_ = false;
};

static_assert(probe_schedule<time_budget<>>);

}  // namespace dvar::inline v0_2
