#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/best_value.hpp>
#include <dvar/statistics/direction.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Says what a rule still knows after the rate was lowered.
enum class drop_memory : std::uint8_t {
  /// Lets it begin anew, as dlib's trainer and SASA+ do.
  nothing,
  /// Shows it the least value so far first, as PyTorch's `ReduceLROnPlateau` remembers that with `mode="min"`.
  least,
  /// Shows it the largest, as with `mode="max"`.
  largest,
};

/// Returns the names of the memories in texts.
constexpr std::array<std::string_view, 3> enumerator_names(drop_memory) {
  return {"nothing", "least", "largest"};
}

/// Holds the settings of `rate_drops`.
struct rate_drop_options {
  /// Is what the rate is multiplied by.
  double factor = 0.1;
  /// Is how often it is lowered: the stop of the rule after the last time is a stop.
  std::size_t drops = 3;
  /// Is how many observations after a drop the rule is not shown.
  std::size_t cooldown = 0;
  /// Is what the rate never falls below.
  double min_rate = 0.0;
  /// Says what the rule still knows after a drop.
  drop_memory remembers = drop_memory::nothing;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = rate_drop_options;
    return std::tuple{
        field{&self::factor, "factor", above(0.0).below(1.0), "what the rate is multiplied by"},
        field{&self::drops, "drops", any_number(), "how often the rate is lowered before a stop is a stop"},
        field{&self::cooldown, "cooldown", any_number(), "how many observations after a drop are not shown"},
        field{&self::min_rate, "min_rate", finite().at_least(0.0), "what the rate never falls below"},
        field{&self::remembers, "remembers", "what the rule still knows after a drop"}};
  }
};

/// Lowers a learning rate where its member would stop, lets the member begin anew, and stops after so many times:
///
///     dvar::rate_drops schedule{0.1, {.drops = 3}, dvar::slope_test{}};
///     do {
///       optimizer.set_rate(schedule.rate());
///       train();
///     } while (!schedule.observe(probe()).stop);
///
/// That is how dlib's trainer uses its test of the slope and SASA+ its test of stationarity. With `patience` of n + 1 and
/// `drop_memory::least`, the rates are those of PyTorch's `ReduceLROnPlateau(patience=n, threshold=0, cooldown=…)`, which never
/// stops.
///
/// It is a criterion itself. A limit on steps belongs beside it, `any_of{schedule, step_limit{…}}`: within, it would lower the
/// rate at every step from its own on. Takes what the member takes.
template <criterion Member>
class rate_drops {
 public:
  /// Names the schedule in verdicts and saved states.
  static constexpr std::string_view name = "rate_drops";

  /// Begins with a rate. Throws `std::invalid_argument` when it or an option is out of its range.
  rate_drops(double rate, const rate_drop_options& options, Member member)
      : options_(checked(name, options)),
        first_rate_(rate),
        rate_(rate),
        best_(options.remembers == drop_memory::largest ? direction::maximize : direction::minimize),
        member_(std::move(member)) {
    if (!detail::is_finite(rate) || rate <= 0.0)
      detail::fail<std::invalid_argument>("rate_drops: the rate must be a number above 0, not " +
                                          shortest_text(rate));
  }

  verdict observe(double value) {
    return take(value, [&] { return member_.observe(value); });
  }

  /// Passes the step on to the member if that counts steps.
  verdict observe(double value, std::size_t step) {
    return take(value, [&] { return observe_at(member_, value, step); });
  }

  /// Passes on what `advance` tells.
  verdict advance(std::size_t step, const std::optional<double>& training_loss)
    requires detail::advances<Member>
  {
    if (cooldown_ == 0) lower_if(dvar::advance(member_, step, training_loss));
    return latest();
  }

  [[nodiscard]] verdict latest() const {
    return cooldown_ > 0 ? verdict{.warming_up = true} : member_.latest();
  }

  /// Returns the rate of the next step.
  [[nodiscard]] double rate() const noexcept { return rate_; }

  /// Returns how often it was lowered.
  [[nodiscard]] std::size_t drops() const noexcept { return drops_; }

  [[nodiscard]] const rate_drop_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    return "rate " + brief_text(rate_) + " after " + std::to_string(drops_) + " of " +
           std::to_string(options_.drops) + " drops; " +
           (cooldown_ > 0 ? std::to_string(cooldown_) + " observations until the rule is shown them"
                          : member_.reason());
  }

  /// Returns the member, as a `std::tuple` of one reference.
  [[nodiscard]] std::tuple<const Member&> members() const noexcept { return {member_}; }

  void reset() {
    rate_ = first_rate_;
    drops_ = 0;
    cooldown_ = 0;
    best_.reset();
    member_.reset();
  }

  /// Reports `rate` and `drops`, and what the member reports.
  void report(const report_visitor& visitor) const {
    visitor({name, "rate", rate_});
    visitor({name, "drops", static_cast<double>(drops_)});
    member_.report(visitor);
  }

  /// Loading throws `state_error` when the saved schedule had other options, and what the member's state throws.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.first_rate_, self.rate_, self.drops_, self.cooldown_, self.best_, self.member_);
  }

 private:
  template <class Show>
  verdict take(double value, Show show) {
    best_.observe(value);
    if (cooldown_ == 0)
      lower_if(show());
    else if (--cooldown_ == 0)
      begin_anew();
    return latest();
  }

  void lower_if(const verdict& said) {
    if (!said.stop || drops_ == options_.drops) return;
    ++drops_;
    rate_ = std::min(rate_, std::max(rate_ * options_.factor, options_.min_rate));
    cooldown_ = options_.cooldown;
    begin_anew();
  }

  void begin_anew() {
    member_.reset();
    if (options_.remembers != drop_memory::nothing && best_.value()) member_.observe(*best_.value());
  }

  rate_drop_options options_;
  double first_rate_;
  double rate_;
  std::size_t drops_ = 0;
  std::size_t cooldown_ = 0;
  best_value best_;
  Member member_;
};

}  // namespace dvar::inline v0_2
