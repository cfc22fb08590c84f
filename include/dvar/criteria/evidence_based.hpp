#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>

#include <dvar/criteria/vector_criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// Settings of `evidence_based`.
struct evidence_based_options {
  /// How many examples the gradient is the mean of; at least 2, so that it has a variance.
  std::size_t batch = 0;
};

/// Stops when the gradient of a batch is no larger than the noise that so few examples make.
///
/// \f[ 1 - \frac{B}{D} \sum_{d=1}^{D} \frac{g_d^2}{\hat\sigma_d^2} > 0 \f]
/// with the mean gradient g of B examples, its D components, and the sample variances \f$ \hat\sigma_d^2 \f$
/// (divided by B - 1) of the single examples' gradients. Were the true gradient 0, the sum would be D / B on
/// average and the left side 0. Equation 7 of M. Mahsereci, L. Balles, C. Lassner and P. Hennig, Early Stopping
/// without a Validation Set, arXiv 1703.09580, as Cockpit has it (its quantity `EarlyStopping`, without the
/// constant 1e-5 that is added to each variance there).
///
/// It judges one batch at a time, so that it never warms up; half of the batches at a converged point stop it,
/// and some before it. Compose it with one that asks for several stops in a row.
///
/// What to expect:
/// - a component without variance whose mean is not 0: the sum is infinite, no statistic, no stop; a component
///   that is 0 in all examples: undefined, likewise (leave such components out);
/// - a NaN or an infinity: no statistic, no stop; no trace of it afterwards;
/// - it is derived for SGD without momentum, and wants the variances of single examples, which most frameworks
///   do not give for free.
///
/// O(D) an observation; never allocates.
class evidence_based {
 public:
  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit evidence_based(const evidence_based_options& options) : options_(checked(options)) {}

  /// Precondition: as many variances, at least 0, as components of the gradient, at least 1.
  template <real_vector Gradient, real_vector Variance>
  verdict observe(const Gradient& gradient, const Variance& variance) noexcept {
    const auto* const g = std::ranges::data(gradient);
    const auto* const v = std::ranges::data(variance);
    const auto size = static_cast<std::size_t>(std::ranges::size(gradient));
    double sum = 0.0;
    for (std::size_t d = 0; d < size; ++d) {
      const auto component = static_cast<double>(g[d]);
      sum += component * component / static_cast<double>(v[d]);
    }
    const double evidence = 1.0 - static_cast<double>(options_.batch) / static_cast<double>(size) * sum;
    evidence_ = std::isfinite(evidence) ? std::optional(evidence) : std::nullopt;
    ++count_;
    return latest();
  }

  /// Warming up only before the first batch.
  [[nodiscard]] verdict latest() const noexcept {
    if (count_ == 0) return {.warming_up = true};
    if (evidence_ && *evidence_ > 0.0)
      return {.stop = true, .reason = "evidence_based", .statistic = evidence_};
    return {.statistic = evidence_};
  }

  [[nodiscard]] const evidence_based_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const verdict v = latest();
    if (v.warming_up) return "warming up: no gradient";
    if (!v.statistic) return "the evidence is undefined: a component has no variance or is not finite";
    return "the evidence that the gradient is noise is " + detail::brief_text(*v.statistic) + ", " +
           (v.stop ? "above 0" : "not above 0");
  }

  void reset() noexcept {
    evidence_ = std::nullopt;
    count_ = 0;
  }

  void save(state_writer& out) const {
    out.section("evidence_based", 1);
    out.write_count(options_.batch);
    out.write_optional(evidence_);
    out.write_count(count_);
  }

  /// Throws `state_error` when the saved rule had other options.
  void load(state_reader& in) {
    in.section("evidence_based", 1);
    in.expect_count(options_.batch, "evidence_based's batch");
    evidence_ = in.read_optional();
    count_ = in.read_count();
  }

 private:
  static evidence_based_options checked(const evidence_based_options& options) {
    if (options.batch < 2) {
      detail::fail<std::invalid_argument>("evidence_based: batch must be at least 2, not " +
                                          std::to_string(options.batch));
    }
    return options;
  }

  evidence_based_options options_;
  std::optional<double> evidence_;
  std::uint64_t count_ = 0;
};

static_assert(std::copyable<evidence_based> && stateful<evidence_based>);

}  // namespace dvar
