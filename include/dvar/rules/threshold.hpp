#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/direction.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `threshold` and of `divergence`.
struct threshold_options {
  /// Stops at an observation beyond this.
  double limit = std::numeric_limits<double>::quiet_NaN();

  /// Lists the options by their names.
  static constexpr auto fields() {
    return std::tuple{field{&threshold_options::limit, "limit", finite(),
                            "stop at an observation beyond this", presence::required}};
  }
};

/// Holds the settings of `divergence`.
using divergence_options = threshold_options;

namespace detail {

/// Stops at an observation on one side of a limit. `Side` has the rule's `name` and its `summary`, the `word` for what
/// lies there, and `holds(better, value, limit)`: whether the value does.
template <class Side>
class limit_rule {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = Side::name;
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary = Side::summary;

  /// Throws `std::invalid_argument` unless the limit is finite.
  limit_rule(direction better, const threshold_options& options)
      : better_(better), options_(checked(name, options)) {}
  /// Throws `std::invalid_argument` unless `limit` is finite.
  limit_rule(direction better, double limit) : limit_rule(better, threshold_options{.limit = limit}) {}

  verdict observe(double value) noexcept {
    latest_ = value;
    ++count_;
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (count_ == 0 || detail::is_nan(latest_)) return {};
    const bool stop = Side::holds(better_, latest_, options_.limit);
    return {.stop = stop, .rule = stop ? name : "", .statistic = latest_};
  }

  [[nodiscard]] direction better() const noexcept { return better_; }
  [[nodiscard]] const threshold_options& options() const noexcept { return options_; }
  [[nodiscard]] double limit() const noexcept { return options_.limit; }

  [[nodiscard]] std::string reason() const {
    if (count_ == 0) return "no observation yet";
    return "observation " + std::to_string(count_) + ", " + brief_text(latest_) + ", is " +
           (latest().stop ? "" : "not ") + Side::word + " than " + brief_text(options_.limit);
  }

  /// Reports nothing: the rule has no number but the observation.
  void report(const report_visitor&) const noexcept {}

  void reset() noexcept {
    latest_ = 0.0;
    count_ = 0;
  }

  /// Loading throws `state_error` when the saved rule had another limit or direction.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    archive.same(self.better_, name, "direction");
    same_options(archive, name, self.options_);
    archive(self.latest_, self.count_);
  }

 private:
  direction better_;
  threshold_options options_;
  double latest_ = 0.0;
  std::uint64_t count_ = 0;
};

/// Describes the side of `threshold`.
struct better_side {
  static constexpr std::string_view name = "threshold";
  static constexpr std::string_view summary = "Stops at an observation that is better than a limit";
  static constexpr const char* word = "better";

  static bool holds(direction better, double value, double limit) noexcept {
    return is_better(better, value, limit);
  }
};

/// Describes the side of `divergence`.
struct worse_side {
  static constexpr std::string_view name = "divergence";
  static constexpr std::string_view summary = "Stops at an observation that is worse than a limit";
  static constexpr const char* word = "worse";

  static bool holds(direction better, double value, double limit) noexcept {
    return is_better(better, limit, value);
  }
};

}  // namespace detail

/// Stops at an observation that is better than a limit, when that is as good as is asked for: `threshold{
/// direction::maximize, 0.9}`.
///
/// \f[ x < l \quad \textrm{(minimizing)}, \qquad x > l \quad \textrm{(maximizing)} \f]
///
/// The comparison is strict: the limit itself does not stop. The semantics are those of `stopping_threshold`
/// in Lightning's `EarlyStopping` (2.6). The statistic is the observation. An infinity is compared like any
/// other value; a NaN neither stops nor has a statistic.
///
/// Takes constant time and memory; judges from the first observation.
class threshold : public detail::limit_rule<detail::better_side> {
  using limit_rule::limit_rule;
};

/// Stops at an observation that is worse than a limit, for a run that has gone astray: `divergence{
/// direction::minimize, 5.0}`.
///
/// \f[ x > l \quad \textrm{(minimizing)}, \qquad x < l \quad \textrm{(maximizing)} \f]
///
/// The comparison is strict: the limit itself does not stop. The semantics are those of
/// `divergence_threshold` in Lightning's `EarlyStopping` (2.6). The statistic is the observation. An infinity
/// is compared like any other value, so the worse one stops; a NaN neither stops nor has a statistic: join
/// `non_finite` for it.
///
/// Takes constant time and memory; judges from the first observation.
class divergence : public detail::limit_rule<detail::worse_side> {
  using limit_rule::limit_rule;
};

static_assert(criterion<threshold>);
static_assert(criterion<divergence>);

}  // namespace dvar::inline v0_2
