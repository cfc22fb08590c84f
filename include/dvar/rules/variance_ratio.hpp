#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/detail/pooled_moments.hpp>
#include <dvar/detail/ratio_terms.hpp>
#include <dvar/detail/variance_window.hpp>
#include <dvar/options/field.hpp>
#include <dvar/options/named_options.hpp>
#include <dvar/state.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Says what `variance_ratio` does with a NaN or an infinity.
enum class non_finite_policy : std::uint8_t {
  /// Keeps it, as the published rule does: the total variance is undefined from then on, so the rule never
  /// stops again. Compose with `non_finite` to stop at once instead.
  keep,
  /// Skips the observation, as if it had not been made.
  skip,
};

/// Returns the names of the policies in texts.
constexpr std::array<std::string_view, 2> enumerator_names(non_finite_policy) {
  return {"keep", "skip"};
}

/// Holds the settings of `variance_ratio`.
struct variance_ratio_options {
  /// Says how many of the latest observations are compared with all of them: N.
  std::size_t window = 310;
  /// Stops when the ratio is below this.
  double threshold = 0.15;
  /// Says what a NaN or an infinity does.
  non_finite_policy non_finite = non_finite_policy::keep;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = variance_ratio_options;
    return std::tuple{
        field{&self::window, "window", at_least(2),
              "N: how many of the latest observations are compared with all"},
        field{&self::threshold, "threshold", above(0.0).at_most(1.0), "stop when the ratio is below this"},
        field{&self::non_finite, "non_finite",
              "what a NaN or an infinity does: make the ratio undefined for ever, as published, or nothing"}};
  }
};

/// Holds published settings for textual inversion on Stable Diffusion.
namespace presets {

/// Holds the settings of arXiv 2302.04841 v1.
inline constexpr variance_ratio_options v1{.window = 282, .threshold = 0.39};
/// Holds the settings of arXiv 2302.04841 v2 and later, and of the official code for textual inversion.
inline constexpr variance_ratio_options v2{.window = 310, .threshold = 0.15};

}  // namespace presets

/// Stops when the latest N values of the loss vary little in comparison with all of them: the DVAR rule.
///
/// \f[ r_n = \frac{\mathrm{var}(L_{n-N+1}, \dots, L_n)}{\mathrm{var}(L_1, \dots, L_n)} < \alpha,
///     \quad n \ge N \f]
///
/// with the population variance (ddof 0) on both sides, as published ("Is This Loss Informative?", arXiv
/// 2302.04841, and its official code). Takes constant time an observation, in place of O(n); memory for N
/// values, taken by the constructor.
///
/// What to expect:
/// - fewer than N observations: `warming_up`, no statistic; at N the ratio is exactly 1, so N + 1 is the
///   earliest stop;
/// - equal observations only: the total variance is exactly 0 and the ratio undefined: no statistic, no stop
///   (0/0 in the official code, or rounding noise that stops at random);
/// - a non-finite observation: see `non_finite_policy`; likewise when n^2 times a variance is beyond the
///   range of double;
/// - a linear trend: r_n = (N^2 - 1) / (n^2 - 1), so the rule stops at n ≈ N / sqrt(alpha) though nothing has
///   converged;
/// - one early spike, at observation i: it stays in the total and leaves the window at N + i, where the rule
///   stops;
/// - flat white noise: r_n stays near 1 and the rule never stops, so a run that begins converged goes on to
///   its limit.
class variance_ratio {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "variance_ratio";
  /// Lists the names that texts may have in place of the rule's.
  static constexpr std::array<std::string_view, 1> aliases{"dvar"};
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the latest observations vary little in comparison with all of them (the DVAR rule)";
  /// Lists the published settings by their names in texts.
  static constexpr std::array published{named_options{"v1", presets::v1}, named_options{"v2", presets::v2}};

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit variance_ratio(const variance_ratio_options& options = {})
      : options_(checked(name, options)),
        length_(static_cast<double>(options.window)),
        inverse_length_(1.0 / length_),
        window_(options.window) {}

  /// Takes constant time on average, O(sqrt(N)) at worst; never allocates, never throws.
  verdict observe(double value) noexcept {
    if (counts(value)) {
      window_.observe(value, [this](const detail::chunk& closed) { add_to_history(closed); });
      judge();
    }
    return latest();
  }

  /// Observes `values` one after the other and writes the ratio after each; not finite where there is none.
  /// They are the same bits as from one at a time, in less time (docs/benchmarks), for recorded losses.
  /// Precondition: `ratios.size() == values.size()`.
  void observe(std::span<const double> values, std::span<double> ratios) noexcept {
    assert(ratios.size() == values.size());
    for (std::size_t taken = 0; taken < values.size();) {
      taken += observe_stretch(values.subspan(taken, stretch(values.size() - taken)), ratios.data() + taken);
      if (taken < values.size()) {
        observe(values[taken]);
        ratios[taken++] = ratio_ ? *ratio_ : detail::number_of_bits(detail::nan_bits);
      }
    }
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (!window_.full()) return {.warming_up = true};
    if (ratio_ && *ratio_ < options_.threshold) return {.stop = true, .rule = name, .statistic = ratio_};
    return {.statistic = ratio_};
  }

  /// Returns \f$ r_n \f$, or no value while warming up, while the total variance is 0, or when either
  /// variance is undefined.
  [[nodiscard]] std::optional<double> ratio() const noexcept { return ratio_; }

  /// Returns the population variance of the last N observations, or no value before there are N.
  [[nodiscard]] std::optional<double> window_variance() const noexcept { return window_.variance(); }

  /// Returns the population variance of all observations.
  [[nodiscard]] std::optional<double> total_variance() const noexcept {
    const detail::chunk& open = window_.open_chunk();
    const double n = history_.count(open);
    const double variance = history_.about_mean(open).squared_deviations(1.0 / n) / n;
    return n > 0.0 && detail::is_finite(variance) ? std::optional(variance) : std::nullopt;
  }

  /// Returns the number of observations that count: all, or the finite ones under `non_finite_policy::skip`.
  [[nodiscard]] std::uint64_t count() const noexcept {
    return static_cast<std::uint64_t>(history_.count(window_.open_chunk()));
  }

  [[nodiscard]] const variance_ratio_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const;

  /// Reports `rolling_variance`, `total_variance` and `ratio`.
  void report(const report_visitor& visitor) const {
    visitor({name, "rolling_variance", window_variance()});
    visitor({name, "total_variance", total_variance()});
    visitor({name, "ratio", ratio(), stop_bound{stop_bound::comparison::less, options_.threshold}});
  }

  void reset() noexcept {
    window_.reset();
    history_ = {};
    shift_ = 0.0;
    ratio_ = std::nullopt;
  }

  /// Loading throws `state_error` when the saved rule had other options.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.window_, self.history_);
    if constexpr (is_loading<decltype(archive)>) {
      self.shift_ = self.history_.distance(self.window_.open_chunk().pivot);
      self.judge();
    }
  }

 private:
  /// Evaluates the ratio, once for an observation.
  void judge() noexcept {
    ratio_ = std::nullopt;
    if (!window_.full()) return;
    const detail::chunk open = window_.open_chunk();
    const detail::ratio_terms t = terms(history_.count(open), open.length);
    const double all = detail::total_term(t, open.about_pivot);
    // While the window is all there is, the ratio is 1 without any rounding, or 0/0.
    const double recent =
        t.count == length_
            ? all
            : detail::recent_term(t, window_.window_sums().squared_deviations(inverse_length_));
    const double ratio = recent / detail::unknown(all);
    // 0/0 is a NaN.
    if (detail::is_finite_size(ratio) && detail::is_finite_size(all)) ratio_ = ratio;
  }

  [[nodiscard]] bool counts(double value) const noexcept {
    return options_.non_finite == non_finite_policy::keep || detail::is_finite(value);
  }

  void add_to_history(const detail::chunk& closed) noexcept {
    history_.add(closed);
    shift_ = history_.distance(window_.open_chunk().pivot);
  }

  [[nodiscard]] detail::ratio_terms terms(double count, double open_length) const noexcept {
    return {.count = count,
            .open_length = open_length,
            .inverse_window = inverse_length_,
            .shift = shift_,
            .squared_deviations = history_.squared_deviations()};
  }

  /// Returns how many of `left` observations can be taken at once.
  [[nodiscard]] std::size_t stretch(std::size_t left) const noexcept {
    const bool one_by_one =
        detail::assumes_finite || !window_.full() || options_.non_finite == non_finite_policy::skip;
    return one_by_one ? 0 : std::min({left, window_.room(), longest_stretch});
  }

  /// Observes `values`, a stretch, up to the one after which the window's sums cannot be trusted any more; returns
  /// how many these are, and writes their ratios.
  std::size_t observe_stretch(std::span<const double> values, double* ratios) noexcept {
    std::array<double, longest_stretch> sums;
    std::array<double, longest_stretch> squares;
    std::array<double, longest_stretch> open_sums;
    std::array<double, longest_stretch> open_squares;
    std::array<bool, longest_stretch> trusted;
    window_.preview(values, {sums.data(), squares.data(), open_sums.data(), open_squares.data()});
    const detail::chunk open = window_.open_chunk();
    const detail::ratio_terms first = terms(history_.count(open) + 1.0, open.length + 1.0);
    const double renewed_squares = window_.renewed_squares();
    for (int i = 0; i < static_cast<int>(values.size()); ++i) {
      detail::ratio_terms t = first;
      t.count += static_cast<double>(i);
      t.open_length += static_cast<double>(i);
      const auto at = static_cast<std::size_t>(i);
      const detail::moments fresh{open_sums[at], open_squares[at]};
      const double deviations = detail::moments{sums[at], squares[at]}.rounded_deviations(t.inverse_window);
      ratios[at] = detail::ratio_of_terms(detail::recent_term(t, deviations), detail::total_term(t, fresh));
      trusted[at] = detail::are_trusted(deviations, renewed_squares + fresh.sum_of_squares);
    }
    const auto last = trusted.begin() + static_cast<std::ptrdiff_t>(values.size());
    const auto count = static_cast<std::size_t>(std::find(trusted.begin(), last, false) - trusted.begin());
    if (count > 0) {
      window_.observe_previewed(values.first(count), {sums[count - 1], squares[count - 1]},
                                {open_sums[count - 1], open_squares[count - 1]});
      judge();
    }
    return count;
  }

  /// Is enough for long loops, and few enough that what they write first is still in the nearest cache when
  /// it is read again.
  static constexpr std::size_t longest_stretch = 128;

  variance_ratio_options options_;
  double length_;  // N
  double inverse_length_;
  detail::variance_window<double> window_;
  detail::pooled_moments history_;  // what came before the window's open chunk
  double shift_ = 0.0;              // from its mean to the open chunk's pivot
  std::optional<double> ratio_;     // of the latest observation
};

static_assert(criterion<variance_ratio>);

inline std::string variance_ratio::reason() const {
  const std::string window = std::to_string(options_.window);
  const std::string observation = std::to_string(count());
  if (!window_.full()) return "warming up: " + observation + " of " + window + " observations";
  const std::optional<double> r = ratio();
  if (!r) {
    return "the variance ratio is undefined at observation " + observation +
           (total_variance() == 0.0 ? ": all observations are equal" : ": the history is not finite");
  }
  return "the variance of the last " + window + " observations is " + brief_text(*r) + " of the total, " +
         (*r < options_.threshold ? "below " : "not below ") + brief_text(options_.threshold) +
         ", at observation " + observation;
}

}  // namespace dvar::inline v0_2
