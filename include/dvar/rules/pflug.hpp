#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <dvar/criteria/vector_criterion.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `pflug`.
struct pflug_options {
  /// Says how many components a gradient has.
  std::size_t dimension = 0;
  /// Says how many gradients are seen before the rule may stop.
  std::size_t burn_in = 100;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = pflug_options;
    return std::tuple{field{&self::dimension, "dimension", at_least(1), "how many components a gradient has",
                            presence::required},
                      field{&self::burn_in, "burn_in", at_least(2),
                            "how many gradients are seen before the rule may stop"}};
  }
};

/// Stops when successive stochastic gradients point against each other more than along.
///
/// \f[ S_n = \sum_{k=2}^{n} \langle g_k, g_{k-1} \rangle < 0, \quad n > \text{burn-in} \f]
///
/// On the way to the minimum successive gradients agree, and S grows; around it, plain SGD with a constant step
/// overshoots, and the products are negative on average. The test is G. Pflug's (Stochastic minimization with
/// constant step-size, SIAM J. Control and Optimization 24, 1986) in the form of algorithm 1 of J. Chee and
/// P. Toulis, arXiv 1710.06382.
///
/// What to expect:
/// - up to `burn_in` gradients: `warming_up`;
/// - a NaN or an infinity: no statistic and no stop from then on (until `reset`);
/// - S = 0, as with gradients that are all 0: no stop;
/// - a long way behind: S is large and takes as long to come down, so it stops late; and where noise is large
///   beside the gradient it may stop early (Pesme, Dieuleveut and Flammarion, arXiv 2007.00534, show that it
///   cannot be relied on even for quadratic functions);
/// - momentum or Adam: show it the gradients, not the steps; the theory is of SGD without momentum.
///
/// Takes O(dimension) time an observation; never allocates after construction.
class pflug {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "pflug";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when successive stochastic gradients point against each other more than along";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit pflug(const pflug_options& options)
      : options_(checked(name, options)), previous_(options.dimension) {}

  /// Observes `gradient`. Precondition: it has `dimension` components.
  template <real_vector V>
  verdict observe(const V& gradient) noexcept {
    const auto* const component = std::ranges::data(gradient);
    double product = 0.0;
    for (std::size_t i = 0; i < previous_.size(); ++i) {
      const auto now = static_cast<double>(component[i]);
      product += now * previous_[i];
      previous_[i] = now;
    }
    // The first gradient has none before it, be it finite or not.
    sum_ = count_ > 0 ? sum_ + product : 0.0;
    ++count_;
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (count_ <= options_.burn_in) return {.warming_up = true};
    if (!detail::is_finite(sum_)) return {};
    if (sum_ < 0.0) return {.stop = true, .rule = name, .statistic = sum_};
    return {.statistic = sum_};
  }

  [[nodiscard]] const pflug_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const verdict v = latest();
    if (v.warming_up) {
      return "warming up: " + std::to_string(count_) + " gradients, more than " +
             std::to_string(options_.burn_in) + " are needed";
    }
    if (!v.statistic) return "the products of successive gradients are not finite";
    return "the products of " + std::to_string(count_) + " successive gradients add up to " +
           brief_text(*v.statistic) + ", " + (v.stop ? "below 0" : "not below 0");
  }

  /// Reports `sum_of_products`, \f$ S_n \f$, which stops below 0.
  void report(const report_visitor& visitor) const {
    visitor({name, "sum_of_products", latest().statistic, stop_bound{stop_bound::comparison::less, 0.0}});
  }

  void reset() noexcept {
    std::fill(previous_.begin(), previous_.end(), 0.0);
    sum_ = 0.0;
    count_ = 0;
  }

  /// Loading throws `state_error` when the saved rule had other options.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.previous_, self.sum_, self.count_);
  }

 private:
  pflug_options options_;
  std::vector<double> previous_;
  double sum_ = 0.0;
  std::uint64_t count_ = 0;
};

static_assert(vector_criterion<pflug>);

}  // namespace dvar::inline v0_2
