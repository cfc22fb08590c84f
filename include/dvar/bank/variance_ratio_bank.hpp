#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include <dvar/bank/segment_clock.hpp>
#include <dvar/bank/series_block.hpp>
#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/detail/xtensor.hpp>
#include <dvar/options/field.hpp>
#include <dvar/rules/variance_ratio.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2::inline DVAR_LANES {

/// Applies the DVAR rule to many series at once: layers, concepts, runs. Each step shows it one value a
/// series.
///
/// Series s gets the verdicts of a `variance_ratio` of its own, bit for bit; see there for what to expect of
/// them, of equal and of non-finite values. All series cut their windows at the same observations, so a step
/// takes as many of them at once as a vector instruction does.
///
/// Values are stored as `T`: float halves the ring and loses nothing when the losses are float. Memory is N
/// values and about 0.6 sqrt(N) + 12 doubles a series, their number rounded up to 16, taken by the constructor. A
/// step takes constant time a series on average and O(sqrt(N)) at worst, see `rolling_variance`.
/// The numbers of thousands of series do not fit into a processor's nearest caches, and a step reads some of
/// every series': who has several steps at hand shows them at once.
template <class T = double>
  requires(std::same_as<T, float> || std::same_as<T, double>)
class variance_ratio_bank {
 public:
  /// Names the type of a stored value.
  using value_type = T;

  /// Throws `std::invalid_argument` when `series` is 0, when an option is out of its range, and for
  /// `non_finite_policy::skip`, by which the series would not keep in step.
  explicit variance_ratio_bank(std::size_t series, const variance_ratio_options& options = {})
      : options_(checked(series, options)), clock_(options.window) {
    width_ = std::min(series, detail::series_block<T>::most_series);
    for (std::size_t first = 0; first < series; first += width_)
      blocks_.emplace_back(clock_, std::min(width_, series - first), options_.threshold);
    const std::array<std::size_t, 1> shape{series};
    ratios_ = xt::xtensor<double, 1>(shape, undefined);
  }

  /// Takes the next values of every series, finite or not, and returns how many series stop at the last of
  /// them. `values` is [steps, series], the series side by side: one step or several. Never allocates, never
  /// throws. Precondition: `values.size()` is a multiple of `series()` and not 0.
  std::size_t observe(std::span<const T> values) noexcept {
    assert(!values.empty() && values.size() % series() == 0);
    const detail::segment_clock before = clock_;
    std::size_t stops = 0;
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
      clock_ = before;
      stops += observe_block(block, values);
    }
    return stops;
  }

  /// Returns how many series there are.
  [[nodiscard]] std::size_t series() const noexcept { return ratios_.size(); }

  /// Returns the number of observations of each series.
  [[nodiscard]] std::uint64_t count() const noexcept { return clock_.count(); }

  /// Returns the latest ratios, [series], each NaN or infinite where there is none.
  [[nodiscard]] const xt::xtensor<double, 1>& ratios() const noexcept { return ratios_; }

  /// Returns the verdict on series `s` after the latest observation. Takes constant time. Precondition, here
  /// and below: `s < series()`.
  [[nodiscard]] verdict latest(std::size_t s) const noexcept {
    const bool stop = ratios_(s) < options_.threshold;
    return {.stop = stop,
            .warming_up = !clock_.full(),
            .rule = stop ? variance_ratio::name : "",
            .statistic = when_finite(ratios_(s))};
  }

  /// Returns the observation, from 1, at which series `s` stopped first, or no value when it has not.
  [[nodiscard]] std::optional<std::uint64_t> first_stop(std::size_t s) const noexcept {
    const auto stop = static_cast<std::uint64_t>(blocks_[s / width_].first_stop(s % width_));
    return stop > 0 ? std::optional(stop) : std::nullopt;
  }

  /// Returns the population variance of the last N observations of series `s`, or no value before there are
  /// N.
  [[nodiscard]] std::optional<double> window_variance(std::size_t s) const noexcept {
    const auto window = static_cast<double>(options_.window);
    const detail::moments sums = blocks_[s / width_].window_sums(s % width_);
    return clock_.full() ? when_finite(sums.squared_deviations(1.0 / window) / window) : std::nullopt;
  }

  /// Returns the population variance of all observations of series `s`, or no value before the first.
  [[nodiscard]] std::optional<double> total_variance(std::size_t s) const noexcept {
    const auto n = static_cast<double>(clock_.count());
    const detail::moments sums = blocks_[s / width_].total_sums(clock_, s % width_);
    return when_finite(sums.squared_deviations(1.0 / n) / n);
  }

  [[nodiscard]] const variance_ratio_options& options() const noexcept { return options_; }

  /// Forgets everything: the object equals a new one. Allocates nothing.
  void reset() noexcept {
    clock_.reset();
    for (auto& block : blocks_)
      block.reset();
    std::fill_n(ratios_.data(), series(), undefined);
  }

  /// Loading throws `state_error` when a bank with other options, series or value type was saved.
  static void state(auto& self, auto& archive) {
    archive.section("variance_ratio_bank", 4);
    archive.same(sizeof(T), "the size of variance_ratio_bank's value type");
    archive.same(self.series(), "variance_ratio_bank's number of series");
    same_options(archive, "variance_ratio_bank", self.options_);
    archive(self.clock_, self.blocks_, self.ratios_);
  }

 private:
  static constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

  static variance_ratio_options checked(std::size_t series, const variance_ratio_options& options) {
    if (series == 0) {
      detail::fail<std::invalid_argument>(
          "variance_ratio_bank: the number of series must be at least 1, not 0");
    }
    if (options.non_finite != non_finite_policy::keep) {
      detail::fail<std::invalid_argument>(
          "variance_ratio_bank: the policy for non-finite values must be keep, not skip");
    }
    return dvar::checked("variance_ratio_bank", options);
  }

  static std::optional<double> when_finite(double value) noexcept {
    return detail::is_finite(value) ? std::optional(value) : std::nullopt;
  }

  /// Observes the values of the series of one block.
  std::size_t observe_block(std::size_t index, std::span<const T> values) noexcept {
    using block = detail::series_block<T>;
    const std::size_t first = index * width_;
    typename block::view shown{
        .first = 0, .values = values.data() + first, .stride = series(), .ratios = ratios_.data() + first};
    std::size_t stops = 0;
    for (std::size_t left = values.size() / series(); left > 0;) {
      // The last observation is to leave its ratios.
      const std::size_t group = clock_.full() ? block::group_size(std::min(left - 1, clock_.room())) : 0;
      if (group > 0) {
        blocks_[index].observe_group(clock_, shown, group, left >= 2 * group);
        clock_.skip(group);
      } else {
        const detail::segment_clock::step now = clock_.advance();
        stops = blocks_[index].observe(clock_, now, shown);
      }
      const std::size_t taken = std::max<std::size_t>(group, 1);
      shown.values += taken * shown.stride;
      left -= taken;
    }
    return stops;
  }

  variance_ratio_options options_;
  detail::segment_clock clock_;
  std::size_t width_ = 0;  // how many series a block holds; the last may hold fewer
  std::vector<detail::series_block<T>> blocks_;
  xt::xtensor<double, 1> ratios_;
};

static_assert(stateful<variance_ratio_bank<float>> && stateful<variance_ratio_bank<double>>);

}  // namespace dvar::inline v0_2::inline DVAR_LANES
