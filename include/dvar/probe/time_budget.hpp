#pragma once

#include <chrono>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/probe/cadence.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// The probe runs as often as a share of the training time allows: `time_budget{0.1}` for at most 10 %.
///
/// After a step, with T the time spent outside the probe and P that spent in it, both since the first step, the
/// probe is due when another evaluation as long as the latest one keeps to the budget:
/// \f[ P + p \le \beta T \f]
/// The first evaluation, after the first step, finds out what p is. It may be dear; the budget is kept from the time
/// on when training has made up for it. An evaluation may also take longer than the one before it.
///
/// When the probe runs then depends on the machine, and so do the observations and the step of the stop. Ranks of
/// one run must not each have a budget of their own; neither is it for a run that is to be repeated exactly. The
/// criterion's window counts evaluations, whenever they are.
///
/// `Clock` is a clock that never goes back. Constant time and memory.
template <class Clock = std::chrono::steady_clock>
  requires(Clock::is_steady)
class time_budget {
 public:
  /// The unit in which time is counted.
  using seconds = std::chrono::duration<double>;

  /// `share` is β, a share of the time outside the probe. Throws `std::invalid_argument` unless it is above 0 and at
  /// most 1.
  explicit time_budget(double share) : share_(share) {
    if (!(share > 0.0 && share <= 1.0)) {
      detail::fail<std::invalid_argument>("time_budget: the share must be above 0 and at most 1, not " +
                                          detail::shortest_text(share));
    }
  }

  bool due(std::size_t /*step*/) noexcept {
    const auto now = Clock::now();
    if (started_) training_ += now - since_;
    started_ = true;
    since_ = now;
    return seconds{probing_ + latest_} <= share_ * training() || latest_ < duration::zero();
  }

  /// The evaluation that was due is over.
  void evaluated() noexcept {
    const auto now = Clock::now();
    latest_ = now - since_;
    probing_ += latest_;
    since_ = now;
  }

  [[nodiscard]] double share() const noexcept { return share_; }
  /// T, up to the latest step.
  [[nodiscard]] seconds training() const noexcept { return training_; }
  /// P.
  [[nodiscard]] seconds probing() const noexcept { return probing_; }

  void reset() noexcept { *this = time_budget{share_}; }

  void save(state_writer& out) const {
    out.section("time_budget", 1);
    for (const duration time : {training_, probing_, latest_})
      out.write_real(seconds{time}.count());
  }

  /// Goes on from the times that were saved; what passes until the next step is not counted. The share is not part of
  /// the state: a run may continue with another.
  void load(state_reader& in) {
    in.section("time_budget", 1);
    for (duration* time : {&training_, &probing_, &latest_}) {
      const seconds saved{in.read_real()};
      if (!(std::abs(saved.count()) < 1e9))
        detail::fail<state_error>("saved state: time_budget's times are not times");
      *time = std::chrono::round<duration>(saved);
    }
    started_ = false;
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

}  // namespace dvar
