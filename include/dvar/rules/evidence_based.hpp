#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/vector_criterion.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `evidence_based`.
struct evidence_based_options {
  /// Says how many examples the gradient is the mean of.
  std::size_t batch = 0;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = evidence_based_options;
    return std::tuple{field{&self::batch, "batch", at_least(2),
                            "how many examples the gradient is the mean of", presence::required}};
  }
};

/// Stops when the gradient of a batch is no larger than the noise that so few examples make.
///
/// \f[ 1 - \frac{B}{D} \sum_{d=1}^{D} \frac{g_d^2}{\hat\sigma_d^2} > 0 \f]
/// with the mean gradient g of B examples, its D components that are not 0 in all of them, and the sample variances
/// \f$ \hat\sigma_d^2 \f$ (divided by B - 1) of the single examples' gradients. Were the true gradient 0, the sum
/// would be D / B on average and the left side 0. It is equation 7 of M. Mahsereci, L. Balles, C. Lassner and P.
/// Hennig, Early Stopping without a Validation Set, arXiv 1703.09580, as Cockpit has it (its quantity
/// `EarlyStopping`, without the constant 1e-5 that is added to each variance there).
///
/// It judges one batch at a time, so that it never warms up; half of the batches at a converged point stop it,
/// and some before it. Compose it with one that asks for several stops in a row.
///
/// What to expect:
/// - a component that is 0 in all examples, such as that of a dead unit: left out; no statistic where all are;
/// - a component without variance whose mean is not 0: the sum is infinite, no statistic, no stop;
/// - a NaN or an infinity: no statistic, no stop; no trace of it afterwards;
/// - it is derived for SGD without momentum, and wants the variances of single examples, which most frameworks
///   do not give for free.
///
/// Takes O(D) time an observation; never allocates.
class evidence_based {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "evidence_based";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the gradient of a batch is no larger than the noise that so few examples make";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit evidence_based(const evidence_based_options& options) : options_(checked(name, options)) {}

  /// Observes a batch. Precondition: as many variances, at least 0, as components of the gradient, at least
  /// 1.
  template <real_vector Gradient, real_vector Variance>
  verdict observe(const Gradient& gradient, const Variance& variance) noexcept {
    const auto* const g = std::ranges::data(gradient);
    const auto* const v = std::ranges::data(variance);
    const auto size = static_cast<std::size_t>(std::ranges::size(gradient));
    double sum = 0.0;
    double components = 0.0;
    for (std::size_t d = 0; d < size; ++d) {
      const auto component = static_cast<double>(g[d]);
      const auto spread = static_cast<double>(v[d]);
      if (component == 0.0 && spread == 0.0) continue;
      sum += component * component / spread;
      components += 1.0;
    }
    const double evidence = 1.0 - static_cast<double>(options_.batch) / components * sum;
    evidence_ = detail::is_finite(evidence) ? std::optional(evidence) : std::nullopt;
    ++count_;
    return latest();
  }

  /// Returns a verdict that warms up only before the first batch.
  [[nodiscard]] verdict latest() const noexcept {
    if (count_ == 0) return {.warming_up = true};
    if (evidence_ && *evidence_ > 0.0) return {.stop = true, .rule = name, .statistic = evidence_};
    return {.statistic = evidence_};
  }

  /// Returns the left side of the formula for the latest batch, or no value before the first or while it is
  /// undefined.
  [[nodiscard]] std::optional<double> evidence() const noexcept { return evidence_; }

  [[nodiscard]] const evidence_based_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const verdict v = latest();
    if (v.warming_up) return "warming up: no gradient";
    if (!v.statistic) return "the evidence is undefined: a component has no variance or is not finite";
    return "the evidence that the gradient is noise is " + brief_text(*v.statistic) + ", " +
           (v.stop ? "above 0" : "not above 0");
  }

  void reset() noexcept {
    evidence_ = std::nullopt;
    count_ = 0;
  }

  /// Reports `evidence`.
  void report(const report_visitor& visitor) const {
    visitor({name, "evidence", evidence_, stop_bound{stop_bound::comparison::greater, 0.0}});
  }

  /// Loading throws `state_error` when the saved rule had other options.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.evidence_, self.count_);
  }

 private:
  evidence_based_options options_;
  std::optional<double> evidence_;
  std::uint64_t count_ = 0;
};

static_assert(std::copyable<evidence_based> && stateful<evidence_based>);

}  // namespace dvar::inline v0_2
