#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <dvar/criteria/criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/direction.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `diminishing_returns`.
struct diminishing_returns_options {
  /// Stops when the present pace is not above this share of the average pace.
  double share = 0.1;
  /// Says from how many of the latest observations the present pace is taken, at least: two halves of whole blocks.
  std::size_t window = 360;
  /// Says which part of the run the present pace is taken from, where that is more than the window.
  double part = 0.3;
  /// Says how many observations in a row count as one: their median.
  std::size_t block = 30;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = diminishing_returns_options;
    return std::tuple{field{&self::share, "share", at_least(0.0).below(1.0),
                            "stop when the present pace is not above this share of the average pace"},
                      field{&self::window, "window", at_least(2),
                            "how many of the latest observations the present pace is taken from, at least"},
                      field{&self::part, "part", at_least(0.0).at_most(1.0),
                            "which part of the run it is taken from, where that is more than the window"},
                      field{&self::block, "block", at_least(1),
                            "how many observations in a row count as one: their median"}};
  }
};

/// Stops when the latest observations gain little in comparison with what the observations so far have gained on
/// average: marginal and average return.
///
/// Of k medians m_1, …, m_k of blocks, the latest h and the h before them have the means R and F, with h half of the
/// window or of the part of the run. The pace of the fall at the end, and its average, are
/// \f[ p = \frac{F - R}{h}, \quad \bar p = \frac{S}{k - (h + 1) / 2}, \quad r = \frac{p}{\bar p} \le \textit{share}, \f]
/// where S is how far apart the worst and the best are of m_1 and of all F and R so far. For a fall, S is what has been
/// gained. So r is the elasticity of the gain: by how many percent it grows when the run is made one percent longer.
/// It has no unit, of the loss or of time.
///
/// It is judged when a block is complete, and the verdict stays until the next. A long run is judged less often, 64
/// times while its length doubles: neighboring blocks are then added up, so that memory is constant. It is this
/// library's.
///
/// What to expect:
/// - fewer blocks than the window has: `warming_up`; that is the earliest stop;
/// - a straight line: r is 1 at every length, and the rule goes on;
/// - an exponential fall with e-fold time T: \f$ r = x e^{-x} / (1 - e^{-x}) \f$ with x = n / T, before what the
///   window smooths: 0.1 where 97 % of the fall is done, 0.25 where 90 % is;
/// - a power law, \f$ n^{-a} \f$: r falls as slowly as that;
/// - flat noise, or a series that rises: it stops as soon as it may, as r is as often below 0 as above;
/// - equal observations: r is 0, and it stops;
/// - spikes shorter than half of a block: the medians do not see them;
/// - a rest between two falls that is longer than the window: it stops there;
/// - ripples and slow waves count for nothing while the window spans several of them, and stop the run in a trough
///   where it does not;
/// - a NaN or an infinity is left out, as if it had not been observed: compose with `non_finite`;
/// - where a sum of differences is beyond the range of double there is no statistic and no stop.
///
/// Takes constant time an observation on average, O(block) at a block's end; never allocates after construction.
class diminishing_returns {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "diminishing_returns";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the latest observations gain little in comparison with the average of all";

  /// Throws `std::invalid_argument` when an option is out of its range, or the window has fewer than two blocks.
  explicit diminishing_returns(direction better, const diminishing_returns_options& options = {})
      : better_(better),
        options_(with_two_blocks(checked(name, options))),
        open_block_(options.block),
        sums_(2 * half_capacity(options) + 1) {}

  /// Takes constant time on average, O(block) at the end of a block; never allocates, never throws.
  verdict observe(double value) noexcept {
    if (detail::is_finite(value)) {
      open_block_[in_block_++] = better_ == direction::minimize ? value : -value;
      if (in_block_ == options_.block) close_block();
    }
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (judged_blocks_ == 0) return {.warming_up = true};
    if (ratio_ && *ratio_ <= options_.share) return {.stop = true, .rule = name, .statistic = ratio_};
    return {.statistic = ratio_};
  }

  /// Returns r as of the latest block, or no value while warming up or where it is beyond the range of double.
  [[nodiscard]] std::optional<double> ratio() const noexcept { return ratio_; }

  /// Returns S, what has been gained, as of the latest block; no value where `ratio` has none.
  [[nodiscard]] std::optional<double> gained() const noexcept {
    return ratio_ ? std::optional(worst_ - best_) : std::nullopt;
  }

  [[nodiscard]] direction better() const noexcept { return better_; }
  [[nodiscard]] const diminishing_returns_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    if (judged_blocks_ == 0) {
      return "warming up: " + std::to_string(blocks() * options_.block + in_block_) + " of " +
             std::to_string(2 * half_window() * options_.block) + " observations";
    }
    const std::string last = "the last " + std::to_string(judged_blocks_ * options_.block) + " observations";
    if (!ratio_) return "the pace of " + last + " is undefined: beyond the range of numbers";
    return last + " gain at " + brief_text(*ratio_) + " of the average pace, " +
           (*ratio_ <= options_.share ? "not above " : "above ") + brief_text(options_.share);
  }

  void reset() noexcept {
    std::fill(open_block_.begin(), open_block_.end(), 0.0);
    std::fill(sums_.begin(), sums_.end(), 0.0);
    in_block_ = cells_ = in_cell_ = judged_blocks_ = 0;
    stride_ = 1;
    first_ = open_sum_ = worst_ = best_ = 0.0;
    ratio_ = std::nullopt;
  }

  /// Reports `pace_ratio`, which stops at the share or below.
  void report(const report_visitor& visitor) const {
    visitor({name, "pace_ratio", ratio_, stop_bound{stop_bound::comparison::less_equal, options_.share}});
  }

  /// Loading throws `state_error` when the saved rule had other options or another direction.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    archive.same(self.better_, "diminishing_returns' direction");
    same_options(archive, name, self.options_);
    archive(self.open_block_, self.in_block_, self.sums_, self.cells_, self.stride_, self.in_cell_,
            self.open_sum_, self.first_, self.worst_, self.best_, self.judged_blocks_, self.ratio_);
    if constexpr (is_loading<decltype(archive)>)
      if (self.in_block_ >= self.open_block_.size() || self.cells_ + 1 >= self.sums_.size() ||
          self.in_cell_ >= self.stride_)
        detail::fail<state_error>("saved state: diminishing_returns' position is outside its memory");
  }

 private:
  static diminishing_returns_options with_two_blocks(const diminishing_returns_options& options) {
    if (options.window / 2 < options.block) {
      detail::fail<std::invalid_argument>("diminishing_returns: window must be at least two blocks of " +
                                          std::to_string(options.block) + ", not " +
                                          std::to_string(options.window));
    }
    return options;
  }

  /// Returns half of how many cells there may be: enough for the shortest window, and for a hundred looks.
  static std::size_t half_capacity(const diminishing_returns_options& options) noexcept {
    return std::max<std::size_t>(64, options.window / options.block);
  }

  /// Returns half of the window in blocks.
  [[nodiscard]] std::size_t half_window() const noexcept { return options_.window / 2 / options_.block; }

  /// Returns h in cells, of a run of so many.
  [[nodiscard]] std::size_t half_cells(std::size_t cells) const noexcept {
    const auto part = static_cast<std::size_t>(std::ceil(0.5 * options_.part * static_cast<double>(cells)));
    return std::max((half_window() + stride_ - 1) / stride_, std::min(part, cells / 2));
  }

  [[nodiscard]] std::size_t blocks() const noexcept { return cells_ * stride_ + in_cell_; }

  void close_block() noexcept {
    const auto middle = open_block_.begin() + static_cast<std::ptrdiff_t>(options_.block / 2);
    std::nth_element(open_block_.begin(), middle, open_block_.end());
    double median = *middle;
    if (options_.block % 2 == 0) median += 0.5 * (*std::max_element(open_block_.begin(), middle) - median);
    in_block_ = 0;
    if (blocks() == 0) first_ = median;
    // About the first, so that a large offset costs no digits.
    open_sum_ += median - first_;
    if (++in_cell_ == stride_) close_cell();
  }

  void close_cell() noexcept {
    sums_[cells_ + 1] = sums_[cells_] + open_sum_;
    ++cells_;
    in_cell_ = 0;
    open_sum_ = 0.0;
    judge();
    if (cells_ + 1 < sums_.size()) return;
    cells_ /= 2;
    stride_ *= 2;
    for (std::size_t i = 1; i <= cells_; ++i)
      sums_[i] = sums_[2 * i];
    std::fill(sums_.begin() + static_cast<std::ptrdiff_t>(cells_) + 1, sums_.end(), 0.0);
  }

  /// Returns the mean of the medians in the cells from `from` to before `to`, less the first median.
  [[nodiscard]] double level(std::size_t from, std::size_t to) const noexcept {
    return (sums_[to] - sums_[from]) / static_cast<double>((to - from) * stride_);
  }

  void judge() noexcept {
    const std::size_t half = half_cells(cells_);
    if (2 * half > cells_) return;
    judged_blocks_ = 2 * half * stride_;
    const double former = level(cells_ - 2 * half, cells_ - half);
    const double recent = level(cells_ - half, cells_);
    worst_ = std::max({worst_, former, recent});
    best_ = std::min({best_, former, recent});
    const auto h = static_cast<double>(half * stride_);
    const double span = static_cast<double>(cells_ * stride_) - 0.5 * (h + 1.0);
    const double gain = former - recent;
    const double ratio = gain == 0.0 ? 0.0 : (gain / h) / ((worst_ - best_) / span);
    ratio_ = detail::is_finite(ratio) ? std::optional(ratio) : std::nullopt;
  }

  direction better_;
  diminishing_returns_options options_;
  std::vector<double> open_block_;
  std::size_t in_block_ = 0;
  std::vector<double> sums_;  // sums_[i]: of the medians in the first i cells, each less the first median
  std::size_t cells_ = 0;
  std::size_t stride_ = 1;  // how many blocks a cell has
  std::size_t in_cell_ = 0;
  double open_sum_ = 0.0;  // of the blocks in the open cell
  double first_ = 0.0;
  double worst_ = 0.0;  // less the first median
  double best_ = 0.0;
  std::size_t judged_blocks_ = 0;  // how many the latest look was at, 0 before the first
  std::optional<double> ratio_;
};

static_assert(criterion<diminishing_returns>);

}  // namespace dvar::inline v0_2
