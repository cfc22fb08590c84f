#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `wall_clock_limit`.
struct wall_clock_limit_options {
  /// Stops after this time, in seconds: T.
  double seconds = 0.0;

  /// Lists the options by their names.
  static constexpr auto fields() {
    return std::tuple{field{&wall_clock_limit_options::seconds, "seconds", finite().above(0.0),
                            "T: stop after this time, in seconds", presence::required}};
  }
};

/// Stops at the first observation or step after a given time, whatever the observations are: `wall_clock_limit{
/// std::chrono::hours{2}}`.
///
/// \f[ t_n \ge T \f]
///
/// The time runs from the construction, and again from `reset`. It is read when an observation is made and
/// when a `convergence_monitor` has a step without one, and at no other moment: `latest()` answers for the latest of
/// these. A copy has run as long as its original. The statistic is the time in seconds.
///
/// The saved state holds the time at the latest observation, and a loaded rule goes on from there: a run that
/// was interrupted has as long in all as one that was not, the interruption itself not counted.
///
/// `Clock` is a clock that never goes back, `std::chrono::steady_clock` by default (on Linux, it stands still
/// while the machine sleeps). Takes constant time and memory.
template <class Clock = std::chrono::steady_clock>
  requires(Clock::is_steady)
class wall_clock_limit {
 public:
  /// Names the unit of the limit and of the statistic.
  using seconds = std::chrono::duration<double>;

  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "wall_clock_limit";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops at the first observation or step after a given time, whatever the observations are";

  /// Throws `std::invalid_argument` unless the limit is positive and finite.
  explicit wall_clock_limit(const wall_clock_limit_options& options) : options_(checked(name, options)) {}
  /// Throws `std::invalid_argument` unless `limit` is positive and finite.
  explicit wall_clock_limit(seconds limit)
      : wall_clock_limit(wall_clock_limit_options{.seconds = limit.count()}) {}

  verdict observe(double /*value*/) noexcept {
    elapsed_ = before_ + std::chrono::duration_cast<seconds>(Clock::now() - started_).count();
    return latest();
  }

  /// Reads the time after a step without an observation.
  verdict advance(std::size_t /*step*/, const std::optional<double>& /*training_loss*/) noexcept {
    return observe(0.0);
  }

  [[nodiscard]] verdict latest() const noexcept {
    const bool stop = elapsed_ >= options_.seconds;
    return {.stop = stop, .rule = stop ? name : "", .statistic = elapsed_};
  }

  /// Returns the time as of the latest observation.
  [[nodiscard]] seconds elapsed() const noexcept { return seconds{elapsed_}; }

  [[nodiscard]] const wall_clock_limit_options& options() const noexcept { return options_; }
  [[nodiscard]] seconds limit() const noexcept { return seconds{options_.seconds}; }

  [[nodiscard]] std::string reason() const {
    const std::string limit = brief_text(options_.seconds) + " s";
    const std::string elapsed = brief_text(elapsed_) + " s";
    return latest().stop ? "the limit of " + limit + " is reached, after " + elapsed
                         : elapsed + " of at most " + limit;
  }

  /// Reports `seconds`, the time as of the latest observation, which stops at the limit.
  void report(const report_visitor& visitor) const {
    visitor({name, "seconds", elapsed_, stop_bound{stop_bound::comparison::greater_equal, options_.seconds}});
  }

  void reset() noexcept {
    started_ = Clock::now();
    before_ = elapsed_ = 0.0;
  }

  /// The limit is not part of the state: a run may continue with a longer one.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    archive(self.elapsed_);
    if constexpr (is_loading<decltype(archive)>) {
      self.before_ = self.elapsed_;
      self.started_ = Clock::now();
    }
  }

 private:
  wall_clock_limit_options options_;
  typename Clock::time_point started_ = Clock::now();
  double before_ = 0.0;   // seconds that earlier parts of the run took
  double elapsed_ = 0.0;  // seconds in all
};

static_assert(criterion<wall_clock_limit<>>);

}  // namespace dvar::inline v0_2
