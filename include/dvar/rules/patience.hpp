#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/delta_scale.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/best_value.hpp>
#include <dvar/statistics/direction.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Says from which value `patience` measures an improvement.
enum class delta_reference : std::uint8_t {
  /// Measures from the last value that counted as an improvement, so that small gains add up until they are
  /// one, as Keras and Lightning always do, and Ignite with `cumulative=True`.
  last_improvement,
  /// Measures from the best value, however little it gained: small gains never add up, as by default in
  /// Ignite.
  best,
};

/// Returns the names of the references in texts.
constexpr std::array<std::string_view, 2> enumerator_names(delta_reference) {
  return {"last_improvement", "best"};
}

/// Says what `patience` makes of the first observation that it judges.
enum class first_observation : std::uint8_t {
  /// Compares it with the infinity that is worst, as Lightning does. A NaN, or that infinity itself, counts
  /// against the patience.
  against_infinity,
  /// Accepts it as an improvement whatever it is, as Keras and Ignite do. A NaN or the infinity that is best
  /// then stays the reference, which nothing improves on.
  accepted,
};

/// Returns the names of the enumerators in texts.
constexpr std::array<std::string_view, 2> enumerator_names(first_observation) {
  return {"against_infinity", "accepted"};
}

/// Holds the settings of `patience`.
struct patience_options {
  /// Stops at the observation that is the `patience`-th in a row without improvement.
  std::size_t patience = 3;
  /// An improvement is better by more than this.
  double min_delta = 0.0;
  /// Says what `min_delta` is measured in.
  delta_scale scale = delta_scale::absolute;
  /// Says what an improvement is measured from.
  delta_reference measured_from = delta_reference::last_improvement;
  /// Says what is made of the first observation that is judged.
  first_observation first = first_observation::against_infinity;
  /// If given, only an improvement on this too, by `min_delta`, ends the wait, as on Keras's `baseline`.
  std::optional<double> baseline{};
  /// Says how many observations at the beginning are not judged at all, as Keras's `start_from_epoch` does.
  std::size_t start_from = 0;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = patience_options;
    return std::tuple{
        field{&self::patience, "patience", at_least(1),
              "stop after so many observations without improvement"},
        field{&self::min_delta, "min_delta", finite().at_least(0.0),
              "an improvement is better by more than this"},
        field{&self::scale, "scale", "what min_delta is measured in"},
        field{&self::measured_from, "measured_from", "what an improvement is measured from"},
        field{&self::first, "first", "what is made of the first observation that is judged"},
        field{&self::baseline, "baseline", finite(), "only an improvement on this too ends the wait"},
        field{&self::start_from, "start_from", any_number(),
              "how many observations are not judged at first"}};
  }
};

/// Stops when the value has not improved for a number of observations: `patience{direction::minimize,
/// {.patience = 10, .min_delta = 1e-4}}`.
///
/// With the reference value \f$ r \f$ (see `delta_reference`), an observation \f$ x \f$ is an improvement if
///
/// \f[ x + \delta < r \quad \textrm{(minimizing)}, \qquad x - \delta > r \quad \textrm{(maximizing)}, \f]
///
/// where \f$ \delta \f$ is `min_delta`, or `min_delta` times \f$ |r| \f$ if it is relative (0 while \f$ r \f$
/// is infinite). An improvement becomes the reference and sets the wait back to 0, unless there is a baseline
/// that it does not improve on; then the wait goes on, and this observation does not stop. Any other
/// observation adds 1 to the wait and stops if it has reached the patience. Equal values are no improvement.
/// The statistic is the wait.
///
/// It stops at the observation at which these stop (Keras 3.15, Lightning 2.6, Ignite 0.5.5, compared in the
/// tests):
/// - Keras `EarlyStopping`: `first_observation::accepted`, with `baseline` and `start_from` where it has them.
///   Patience 0, its default, is patience 1.
/// - Lightning `EarlyStopping`: the defaults, for `check_finite=False`. Its other stops are `non_finite`,
///   `threshold` and `divergence`, joined with this one, in this order, by `any_of`.
/// - Ignite `EarlyStopping`: `first_observation::accepted`, `delta_reference::best` unless `cumulative=True`,
///   for finite values. It writes \f$ x < r - \delta \f$, or \f$ x < r (1 - \delta) \f$ where it is relative,
///   which may be rounded otherwise at a tie and, if relative, is meant for positive values. It takes a NaN for
///   an improvement; here a NaN never is one, but for the first observation when that is accepted unseen.
/// - The CLIP-s rule of arXiv 2302.04841: see `clip_s`.
///
/// The wait counts observations from the first that is judged; before it, `warming_up` and no statistic.
/// `best()` is the best of all observations, whatever `min_delta` and the reference are. The rule is not
/// latched: an improvement after a stop takes it back.
///
/// Takes constant time and memory.
class patience {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "patience";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the value has not improved for a number of observations";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit patience(direction better, const patience_options& options = {})
      : options_(checked(name, options)), best_(better), reference_(worst(better)) {}

  verdict observe(double value) noexcept {
    best_.observe(value);
    if (best_.count() <= options_.start_from) return latest();
    const bool first = best_.count() == options_.start_from + 1;
    ++wait_;
    if ((first && options_.first == first_observation::accepted) || improves(value, reference_)) {
      reference_ = value;
      stop_ = false;
      if (!options_.baseline || improves(value, *options_.baseline)) wait_ = 0;
    } else {
      if (options_.measured_from == delta_reference::best && is_better(best_.better(), value, reference_))
        reference_ = value;
      stop_ = wait_ >= options_.patience;
    }
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (best_.count() <= options_.start_from) return {.warming_up = true};
    return {.stop = stop_, .rule = stop_ ? name : "", .statistic = static_cast<double>(wait_)};
  }

  /// Returns how many observations have passed since the last improvement that ended the wait.
  [[nodiscard]] std::uint64_t wait() const noexcept { return wait_; }

  /// Returns the best of all observations, those that are not judged among them, and where it was.
  [[nodiscard]] const best_value& best() const noexcept { return best_; }

  [[nodiscard]] direction better() const noexcept { return best_.better(); }
  [[nodiscard]] const patience_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string observation = std::to_string(best_.count());
    if (latest().warming_up) {
      return "warming up: " + observation + " of " + std::to_string(options_.start_from) +
             " observations that are not judged";
    }
    const std::string best = best_.value() ? "the best is " + brief_text(*best_.value()) +
                                                 " at observation " + std::to_string(*best_.observation())
                                           : "there is no best";
    return std::to_string(wait_) + " observations without improvement, patience " +
           std::to_string(options_.patience) + ", at observation " + observation + "; " + best;
  }

  void reset() noexcept {
    best_.reset();
    reference_ = worst(best_.better());
    wait_ = 0;
    stop_ = false;
  }

  /// Reports `best`, and `wait`, which stops at the patience.
  void report(const report_visitor& visitor) const {
    visitor({name, "best", best_.value()});
    visitor({name, "wait", latest().statistic,
             stop_bound{stop_bound::comparison::greater_equal, static_cast<double>(options_.patience)}});
  }

  /// Loading throws `state_error` when the saved rule had other options.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.best_, self.reference_, self.wait_, self.stop_);
  }

 private:
  /// Returns what every number is better than, for a reference before there is one.
  static constexpr double worst(direction better) noexcept {
    constexpr double largest = std::numeric_limits<double>::max();
    return better == direction::minimize ? largest : -largest;
  }

  [[nodiscard]] bool improves(double value, double reference) const noexcept {
    double delta = options_.min_delta;
    if (options_.scale == delta_scale::relative)
      delta = std::abs(reference) < worst(direction::minimize) ? delta * std::abs(reference) : 0.0;
    // The difference is taken on the observation's side, as Keras and Lightning do: at a tie, rounding decides.
    return is_better(best_.better(), best_.better() == direction::minimize ? value + delta : value - delta,
                     reference);
  }

  patience_options options_;
  best_value best_;
  double reference_;
  std::uint64_t wait_ = 0;
  bool stop_ = false;
};

static_assert(criterion<patience>);

}  // namespace dvar::inline v0_2
