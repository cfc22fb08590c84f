#pragma once

#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// Stops at the first observation after a given time, whatever the observations are: `wall_clock_limit{
/// std::chrono::hours{2}}`.
///
/// \f[ t_n \ge T \f]
///
/// The time runs from the construction, and again from `reset`. It is read when an observation is made, and at
/// no other moment: `latest()` answers for the latest observation, so a limit that passes between two is
/// noticed at the second. A copy has run as long as its original. The statistic is the time in seconds.
///
/// The saved state holds the time at the latest observation, and a loaded rule goes on from there: a run that
/// was interrupted has as long in all as one that was not, the interruption itself not counted.
///
/// `Clock` is a clock that never goes back, `std::chrono::steady_clock` by default (on Linux, it stands still
/// while the machine sleeps). Constant time and memory.
template <class Clock = std::chrono::steady_clock>
  requires(Clock::is_steady)
class wall_clock_limit {
 public:
  /// The unit of the limit and of the statistic.
  using seconds = std::chrono::duration<double>;

  /// Throws `std::invalid_argument` unless `limit` is positive and finite.
  explicit wall_clock_limit(seconds limit) : limit_(checked(limit)) {}

  verdict observe(double /*value*/) noexcept {
    elapsed_ = before_ + std::chrono::duration_cast<seconds>(Clock::now() - started_);
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    const bool stop = elapsed_ >= limit_;
    return {.stop = stop, .reason = stop ? "wall_clock_limit" : "", .statistic = elapsed_.count()};
  }

  /// As of the latest observation.
  [[nodiscard]] seconds elapsed() const noexcept { return elapsed_; }
  [[nodiscard]] seconds limit() const noexcept { return limit_; }

  [[nodiscard]] std::string reason() const {
    const std::string limit = detail::brief_text(limit_.count()) + " s";
    const std::string elapsed = detail::brief_text(elapsed_.count()) + " s";
    return latest().stop ? "the limit of " + limit + " is reached, after " + elapsed
                         : elapsed + " of at most " + limit;
  }

  void reset() noexcept {
    started_ = Clock::now();
    before_ = elapsed_ = seconds::zero();
  }

  void save(state_writer& out) const {
    out.section("wall_clock_limit", 1);
    out.write_real(elapsed_.count());
  }

  /// The limit is not part of the state: a run may continue with a longer one.
  void load(state_reader& in) {
    in.section("wall_clock_limit", 1);
    before_ = elapsed_ = seconds{in.read_real()};
    started_ = Clock::now();
  }

 private:
  static seconds checked(seconds limit) {
    if (!(limit.count() > 0.0 && std::isfinite(limit.count()))) {
      detail::fail<std::invalid_argument>("wall_clock_limit: the limit must be positive and finite, not " +
                                          detail::shortest_text(limit.count()) + " s");
    }
    return limit;
  }

  seconds limit_;
  typename Clock::time_point started_ = Clock::now();
  seconds before_ = seconds::zero();  // what earlier parts of the run took
  seconds elapsed_ = seconds::zero();
};

static_assert(criterion<wall_clock_limit<>>);

}  // namespace dvar
