#pragma once

#include <cstdint>
#include <optional>
#include <tuple>

#include <dvar/detail/finite.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

/// Settings of `exponential_average`.
struct exponential_average_options {
  /// w: the share of the newest observation. The span of an average of N observations is about that of
  /// w = 2 / (N + 1).
  double weight = 0.1;
  /// Whether the weights of the observations are normalized; if not, the first observation stands for all
  /// that were before it.
  bool bias_correction = true;

  /// The options by their names.
  static constexpr auto fields() {
    using self = exponential_average_options;
    return std::tuple{
        field{&self::weight, "weight", above(0.0).at_most(1.0), "the share of the newest observation"},
        field{&self::bias_correction, "bias_correction",
              "whether the weights are divided by their sum, as Adam's are"}};
  }
};

/// Keeps the exponentially weighted average of all observations, in constant memory.
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
      : options_(checked("exponential_average", options)) {}

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

  /// Returns the average, or no value before the first observation or after a non-finite one.
  [[nodiscard]] std::optional<double> mean() const noexcept {
    return count_ > 0 && detail::is_finite(mean_) ? std::optional(mean_) : std::nullopt;
  }

  /// Returns the number of observations.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  [[nodiscard]] const exponential_average_options& options() const noexcept { return options_; }

  /// Forgets everything: the object equals a new one.
  void reset() noexcept { *this = exponential_average{options_}; }

  /// Loading throws `state_error` when the saved average had other options.
  static void state(auto& self, auto& archive) {
    archive.section("exponential_average", 1);
    same_options(archive, "exponential_average", self.options_);
    archive(self.count_, self.total_weight_, self.mean_);
  }

 private:
  exponential_average_options options_;
  std::uint64_t count_ = 0;
  double total_weight_ = 0.0;  // 1 - (1 - w)^t
  double mean_ = 0.0;
};

}  // namespace dvar::inline v0_2
