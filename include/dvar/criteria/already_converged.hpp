#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/total_slope.hpp>

namespace dvar {

/// Settings of `already_converged`.
struct already_converged_options {
  /// W: how many observations at the beginning are judged; at least 3.
  std::size_t observations = 310;
  /// Stop when the p-value of their slope is above this; above 0, below 1.
  double significance = 0.05;
};

/// Stops when the run had converged before it began: at observation W, if a line through the first W observations
/// neither falls nor rises, as far as their noise lets that be seen.
///
/// \f[ p = P \bigl( |t_{W-2}| \ge |m / s_m| \bigr) > \delta \f]
/// with the least-squares slope m and its standard error, as `line_fit` has them. A guard for rules that compare
/// what is with what was, such as `variance_ratio`, which goes on for ever on a loss that is flat from the start:
/// `any_of{variance_ratio{presets::v2}, already_converged{}}`.
///
/// It judges once. From observation W on the verdict stays as it is, stop or not; nothing later changes it, so that
/// it does not stop a run for a pause in the middle. The statistic is p.
///
/// What to expect:
/// - fewer than W observations: `warming_up`;
/// - equal observations: p = 1, and it stops;
/// - flat white noise: stops with probability 1 - `significance`;
/// - a fall, however early in the window: goes on, unless the noise hides it; a run that takes longer than W
///   observations to begin to learn is stopped;
/// - noise with positive autocorrelation makes p too small: it goes on though nothing moves;
/// - a NaN or an infinity among the first W: no statistic, and it never stops.
///
/// Constant time and memory.
class already_converged {
 public:
  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit already_converged(const already_converged_options& options = {}) : options_(checked(options)) {}

  verdict observe(double value) noexcept {
    ++count_;
    if (count_ <= options_.observations) {
      beginning_.observe(value);
      if (count_ == options_.observations) {
        const auto line = beginning_.fit();
        p_value_ = line ? std::optional(line->p_value()) : std::nullopt;
      }
    }
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (count_ < options_.observations) return {.warming_up = true};
    if (p_value_ && *p_value_ > options_.significance)
      return {.stop = true, .reason = "already_converged", .statistic = p_value_};
    return {.statistic = p_value_};
  }

  [[nodiscard]] const already_converged_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string first = std::to_string(options_.observations);
    const verdict v = latest();
    if (v.warming_up) return "warming up: " + std::to_string(count_) + " of " + first + " observations";
    if (!v.statistic)
      return "the slope of the first " + first + " observations is undefined: they are not finite";
    return "the slope of the first " + first + " observations has a p-value of " +
           detail::brief_text(*v.statistic) + ", " + (v.stop ? "above " : "not above ") +
           detail::brief_text(options_.significance);
  }

  void reset() noexcept {
    beginning_.reset();
    count_ = 0;
    p_value_ = std::nullopt;
  }

  void save(state_writer& out) const {
    out.section("already_converged", 1);
    out.write_count(options_.observations);
    out.write_real(options_.significance);
    beginning_.save(out);
    out.write_count(count_);
    out.write_optional(p_value_);
  }

  /// Throws `state_error` when the saved rule had other options.
  void load(state_reader& in) {
    in.section("already_converged", 1);
    in.expect_count(options_.observations, "already_converged's number of observations");
    in.expect_real(options_.significance, "already_converged's significance");
    beginning_.load(in);
    count_ = in.read_count();
    p_value_ = in.read_optional();
  }

 private:
  static already_converged_options checked(const already_converged_options& options) {
    if (options.observations < 3) {
      detail::fail<std::invalid_argument>("already_converged: observations must be at least 3, not " +
                                          std::to_string(options.observations));
    }
    if (!(options.significance > 0.0 && options.significance < 1.0)) {
      detail::fail<std::invalid_argument>(
          "already_converged: significance must be above 0 and below 1, not " +
          detail::shortest_text(options.significance));
    }
    return options;
  }

  already_converged_options options_;
  total_slope beginning_;
  std::uint64_t count_ = 0;
  std::optional<double> p_value_;
};

static_assert(criterion<already_converged>);

}  // namespace dvar
