#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/delta_scale.hpp>
#include <dvar/criteria/direction.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/best_value.hpp>

namespace dvar {

/// From which value `patience` measures an improvement.
enum class delta_reference : std::uint8_t {
  /// From the last value that counted as an improvement, so that small gains add up until they are one. Keras
  /// and Lightning always; Ignite with `cumulative=True`.
  last_improvement,
  /// From the best value, however little it gained: small gains never add up. Ignite's default.
  best,
};

/// What `patience` makes of the first observation that it judges.
enum class first_observation : std::uint8_t {
  /// Compared with the infinity that is worst. A NaN, or that infinity itself, counts against the patience.
  /// Lightning.
  against_infinity,
  /// An improvement whatever it is. A NaN or the infinity that is best then stays the reference, which nothing
  /// improves on. Keras and Ignite.
  accepted,
};

/// Settings of `patience`.
struct patience_options {
  /// Stop at the observation that is the `patience`-th in a row without improvement; at least 1.
  std::size_t patience = 3;
  /// An improvement is better by more than this; finite, at least 0.
  double min_delta = 0.0;
  /// What `min_delta` is measured in.
  delta_scale scale = delta_scale::absolute;
  /// What an improvement is measured from.
  delta_reference measured_from = delta_reference::last_improvement;
  /// What is made of the first observation that is judged.
  first_observation first = first_observation::against_infinity;
  /// If given, only an improvement on this too, by `min_delta`, ends the wait. Keras's `baseline`.
  std::optional<double> baseline{};
  /// How many observations at the beginning are not judged at all. Keras's `start_from_epoch`.
  std::size_t start_from = 0;
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
/// Stops at the observation at which these stop (Keras 3.15, Lightning 2.6, Ignite 0.5.5, compared in the
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
/// `best()` is the best of all observations, whatever `min_delta` and the reference are. Not latched: an
/// improvement after a stop takes it back.
///
/// Constant time and memory.
class patience {
 public:
  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit patience(direction better, const patience_options& options = {})
      : options_(checked(options)), best_(better), reference_(worst(better)) {}

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
    return {.stop = stop_, .reason = stop_ ? "patience" : "", .statistic = static_cast<double>(wait_)};
  }

  /// How many observations have passed since the last improvement that ended the wait.
  [[nodiscard]] std::uint64_t wait() const noexcept { return wait_; }

  /// The best of all observations, those that are not judged among them, and where it was.
  [[nodiscard]] const best_value& best() const noexcept { return best_; }

  [[nodiscard]] direction better() const noexcept { return best_.better(); }
  [[nodiscard]] const patience_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string observation = std::to_string(best_.count());
    if (latest().warming_up) {
      return "warming up: " + observation + " of " + std::to_string(options_.start_from) +
             " observations that are not judged";
    }
    const std::string best = best_.value() ? "the best is " + detail::brief_text(*best_.value()) +
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

  void save(state_writer& out) const {
    out.section("patience", 1);
    out.write_count(options_.patience);
    out.write_real(options_.min_delta);
    out.write_count(static_cast<std::uint64_t>(options_.scale));
    out.write_count(static_cast<std::uint64_t>(options_.measured_from));
    out.write_count(static_cast<std::uint64_t>(options_.first));
    out.write_optional(options_.baseline);
    out.write_count(options_.start_from);
    best_.save(out);
    out.write_real(reference_);
    out.write_count(wait_);
    out.write_flag(stop_);
  }

  /// Throws `state_error` when the saved rule had other options.
  void load(state_reader& in) {
    in.section("patience", 1);
    in.expect_count(options_.patience, "patience's patience");
    in.expect_real(options_.min_delta, "patience's min_delta");
    in.expect_count(static_cast<std::uint64_t>(options_.scale), "the scale of patience's min_delta");
    in.expect_count(static_cast<std::uint64_t>(options_.measured_from),
                    "the reference of patience's min_delta");
    in.expect_count(static_cast<std::uint64_t>(options_.first),
                    "patience's treatment of the first observation");
    if (in.read_optional() != options_.baseline)
      detail::fail<state_error>("saved state: patience's baseline is not the one here");
    in.expect_count(options_.start_from, "patience's start_from");
    best_.load(in);
    reference_ = in.read_real();
    wait_ = in.read_count();
    stop_ = in.read_flag();
  }

 private:
  static patience_options checked(const patience_options& options) {
    if (options.patience == 0)
      detail::fail<std::invalid_argument>("patience: patience must be at least 1, not 0");
    if (!(options.min_delta >= 0.0 && std::isfinite(options.min_delta))) {
      detail::fail<std::invalid_argument>("patience: min_delta must be finite and at least 0, not " +
                                          detail::shortest_text(options.min_delta));
    }
    if (options.baseline && !std::isfinite(*options.baseline)) {
      detail::fail<std::invalid_argument>("patience: baseline must be finite, not " +
                                          detail::shortest_text(*options.baseline));
    }
    return options;
  }

  static double worst(direction better) noexcept {
    const double infinity = std::numeric_limits<double>::infinity();
    return better == direction::minimize ? infinity : -infinity;
  }

  [[nodiscard]] bool improves(double value, double reference) const noexcept {
    double delta = options_.min_delta;
    if (options_.scale == delta_scale::relative)
      delta = std::isfinite(reference) ? delta * std::abs(reference) : 0.0;
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

}  // namespace dvar
