#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include <dvar/detail/fail.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// Settings of `exponential_average`.
struct exponential_average_options {
  /// w: the share of the newest observation; above 0, at most 1. The span of an average of N observations is
  /// about that of w = 2 / (N + 1).
  double weight = 0.1;
  /// Whether the weights of the observations are normalised, or the first observation stands for all that
  /// were before it.
  bool bias_correction = true;
};

/// The exponentially weighted average of all observations, in constant memory.
///
/// \f[ m_1 = x_1, \quad m_t = m_{t-1} + g_t (x_t - m_{t-1}), \quad
///     g_t = \begin{cases} w / (1 - (1 - w)^t) & \text{with bias correction} \\ w & \text{without} \end{cases} \f]
///
/// With bias correction the weights \f$ (1-w)^{t-i} \f$ of the observations are divided by their sum: this is
/// Adam's \f$ \hat m_t \f$ (Kingma and Ba, arXiv 1412.6980, algorithm 1, with \f$ \beta = 1 - w \f$) and
/// `Series.ewm(alpha=w, adjust=True).mean()` of pandas. Without, it is pandas' `adjust=False`. In both, equal
/// observations give exactly their value, and a common offset costs only the digits that it takes.
///
/// A NaN or an infinity stays for ever: there is no average after it (until `reset`), unless w is 1 and the
/// average is the latest observation. `observe` takes constant time and never allocates.
class exponential_average {
 public:
  /// Throws `std::invalid_argument` when the weight is out of its range.
  explicit exponential_average(const exponential_average_options& options = {})
      : options_(checked(options)) {}

  void observe(double value) noexcept {
    const double w = options_.weight;
    double gain = count_ > 0 ? w : 1.0;
    if (options_.bias_correction) {
      total_weight_ += w * (1.0 - total_weight_);
      gain = w / total_weight_;
    }
    // With a gain of 1 there may be no mean yet, or a difference that is nothing but the old mean.
    mean_ = gain == 1.0 ? value : mean_ + gain * (value - mean_);
    ++count_;
  }

  /// No value before the first observation or after a non-finite one.
  [[nodiscard]] std::optional<double> mean() const noexcept {
    return count_ > 0 && std::isfinite(mean_) ? std::optional(mean_) : std::nullopt;
  }

  /// How many observations were made.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  [[nodiscard]] const exponential_average_options& options() const noexcept { return options_; }

  /// Forgets everything: equal to a new object.
  void reset() noexcept { *this = exponential_average{options_}; }

  void save(state_writer& out) const {
    out.section("exponential_average", 1);
    out.write_real(options_.weight);
    out.write_flag(options_.bias_correction);
    out.write_count(count_);
    out.write_real(total_weight_);
    out.write_real(mean_);
  }

  /// Throws `state_error` when the saved average had other options.
  void load(state_reader& in) {
    in.section("exponential_average", 1);
    in.expect_real(options_.weight, "exponential_average's weight");
    if (in.read_flag() != options_.bias_correction) {
      detail::fail<state_error>("saved state: exponential_average was saved " +
                                std::string(options_.bias_correction ? "without" : "with") +
                                " bias correction");
    }
    count_ = in.read_count();
    total_weight_ = in.read_real();
    mean_ = in.read_real();
  }

 private:
  static exponential_average_options checked(const exponential_average_options& options) {
    if (!(options.weight > 0.0 && options.weight <= 1.0)) {
      detail::fail<std::invalid_argument>("exponential_average: weight must be above 0 and at most 1, not " +
                                          detail::shortest_text(options.weight));
    }
    return options;
  }

  exponential_average_options options_;
  std::uint64_t count_ = 0;
  double total_weight_ = 0.0;  // 1 - (1 - w)^t
  double mean_ = 0.0;
};

}  // namespace dvar
