#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/direction.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/best_value.hpp>

namespace dvar {

/// Settings of `generalization_loss`.
struct generalization_loss_options {
  /// Stop when the generalization loss, in percent, is above this; finite, at least 0.
  double alpha = 2.0;
};

/// Stops when the latest value is too much worse than the best so far: \f$ GL_\alpha \f$ of Prechelt, "Early
/// Stopping - But When?" (1998).
///
/// \f[ GL(t) = 100 \left( \frac{E(t)}{E_{opt}(t)} - 1 \right) > \alpha, \qquad
///     E_{opt}(t) = \min_{t' \le t} E(t') \f]
///
/// when minimizing, as in the paper, with the default of EarlyStopping.jl's `GL`. The mirror image when
/// maximizing: the percentage by which \f$ E(t) \f$ is below the greatest value so far,
/// \f$ 100 (1 - E(t) / E_{opt}(t)) \f$.
///
/// The statistic is \f$ GL(t) \f$, 0 or greater. It is meant for errors and scores that are positive: while the
/// best is 0, negative or infinite there is none, and no stop. A NaN has none either and never becomes the
/// best. Infinitely worse is infinitely much and stops. Equal values have exactly 0. The alpha is in percent of
/// the best value, so noise of that size around a flat line stops the rule.
///
/// Constant time and memory; judges from the first observation, at which the loss is 0. Not latched.
class generalization_loss {
 public:
  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit generalization_loss(direction better, const generalization_loss_options& options = {})
      : options_(checked(options)), best_(better) {}

  verdict observe(double value) noexcept {
    best_.observe(value);
    latest_ = value;
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    const std::optional<double> percent = loss();
    const bool stop = percent && *percent > options_.alpha;
    return {.stop = stop, .reason = stop ? "generalization_loss" : "", .statistic = percent};
  }

  /// \f$ GL(t) \f$ in percent; no value before the first observation, at a NaN, or while the best value is not
  /// positive and finite.
  [[nodiscard]] std::optional<double> loss() const noexcept {
    const std::optional<double> best = best_.value();
    if (!best || !(*best > 0.0) || std::isinf(*best) || std::isnan(latest_)) return std::nullopt;
    return 100.0 * (gain(best_.better(), latest_, *best) / *best);
  }

  [[nodiscard]] const best_value& best() const noexcept { return best_; }
  [[nodiscard]] direction better() const noexcept { return best_.better(); }
  [[nodiscard]] const generalization_loss_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string observation = std::to_string(best_.count());
    const std::optional<double> percent = loss();
    if (!percent) return "the generalization loss is undefined at observation " + observation;
    return "observation " + observation + " is " + detail::brief_text(*percent) +
           " % worse than the best, observation " + std::to_string(*best_.observation()) + ": " +
           (*percent > options_.alpha ? "above " : "not above ") + detail::brief_text(options_.alpha) + " %";
  }

  void reset() noexcept {
    best_.reset();
    latest_ = 0.0;
  }

  void save(state_writer& out) const {
    out.section("generalization_loss", 1);
    out.write_real(options_.alpha);
    best_.save(out);
    out.write_real(latest_);
  }

  /// Throws `state_error` when the saved rule had another alpha or direction.
  void load(state_reader& in) {
    in.section("generalization_loss", 1);
    in.expect_real(options_.alpha, "generalization_loss's alpha");
    best_.load(in);
    latest_ = in.read_real();
  }

 private:
  static generalization_loss_options checked(const generalization_loss_options& options) {
    if (!(options.alpha >= 0.0 && std::isfinite(options.alpha))) {
      detail::fail<std::invalid_argument>("generalization_loss: alpha must be finite and at least 0, not " +
                                          detail::shortest_text(options.alpha));
    }
    return options;
  }

  generalization_loss_options options_;
  best_value best_;
  double latest_ = 0.0;
};

static_assert(criterion<generalization_loss>);

}  // namespace dvar
