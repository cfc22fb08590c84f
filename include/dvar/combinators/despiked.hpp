#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/rule_spec.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/state.hpp>

namespace dvar::inline v0_2 {

/// Shows its member the running median in place of each observation, so that spikes are never seen:
/// `despiked{3, variance_ratio{presets::v2}}` keeps one early spike out of the total variance.
///
/// \f[ y_n = \mathrm{median}(x_{n-w+1}, \dots, x_n), \quad n \ge w, \; w \textrm{ odd} \f]
/// (Tukey's running median.) Up to (w - 1) / 2 values in a row that stick out, upwards or downwards, the first of the
/// run among them, leave no trace; a loss that only falls or only rises passes as it is, (w - 1) / 2 observations
/// late. Noise is smoothed, in the member's window and in its total alike.
///
/// A NaN counts as larger than everything: a single one is a spike like others, and a run that has become NaN shows
/// the member one after (w + 1) / 2 of them. To stop at the first, put `non_finite` beside this, not into it.
///
/// The first w - 1 observations show the member nothing and warm up. Takes O(w) time an observation; memory
/// for 2 w values; never allocates after construction.
template <criterion Member>
class despiked {
 public:
  /// Throws `std::invalid_argument` when `width` is even.
  despiked(std::size_t width, Member member) : member_(std::move(member)), ring_(width), by_size_(width) {
    if (width % 2 == 0)
      detail::fail<std::invalid_argument>("despiked: the width must be odd, not " + std::to_string(width));
  }

  verdict observe(double value) {
    return take(value) ? member_.observe(median()) : verdict{.warming_up = true};
  }

  /// Passes the step on to the member if that counts steps.
  verdict observe(double value, std::size_t step) {
    return take(value) ? observe_at(member_, median(), step) : verdict{.warming_up = true};
  }

  /// Passes on what `advance` tells.
  verdict advance(std::size_t step, const std::optional<double>& training_loss)
    requires detail::advances<Member>
  {
    dvar::advance(member_, step, training_loss);
    return latest();
  }

  [[nodiscard]] verdict latest() const {
    const verdict inner = member_.latest();
    return full() || inner.stop ? inner : verdict{.warming_up = true};
  }

  [[nodiscard]] std::string reason() const {
    return "medians of " + std::to_string(width()) + ": " + member_.reason();
  }

  [[nodiscard]] std::size_t width() const noexcept { return ring_.size(); }

  /// Returns the member, as a `std::tuple` of one reference.
  [[nodiscard]] std::tuple<const Member&> members() const noexcept { return {member_}; }

  /// Says what the member is, and that it is in this.
  [[nodiscard]] rule_spec spec() const {
    return detail::combined(spec_of(member_), "despiked", std::to_string(width()));
  }

  void reset() {
    member_.reset();
    std::fill(ring_.begin(), ring_.end(), 0.0);
    count_ = 0;
  }

  /// Reports what the member reports.
  void report(const report_visitor& visitor) const { member_.report(visitor); }

  /// Loading throws `state_error` when another width was saved, and what the member's state throws.
  static void state(auto& self, auto& archive) {
    archive.section("despiked", 1);
    archive(self.ring_, self.count_, self.member_);
  }

 private:
  [[nodiscard]] bool full() const noexcept { return count_ >= width(); }

  /// Takes a value, and returns whether there are enough for a median.
  bool take(double value) noexcept {
    ring_[static_cast<std::size_t>(count_ % width())] = value;
    ++count_;
    return full();
  }

  double median() noexcept {
    std::copy(ring_.begin(), ring_.end(), by_size_.begin());
    const auto middle = by_size_.begin() + static_cast<std::ptrdiff_t>(width() / 2);
    std::nth_element(by_size_.begin(), middle, by_size_.end(), [](double a, double b) {
      return detail::is_nan(b) ? !detail::is_nan(a) : detail::is_less(a, b);
    });
    return *middle;
  }

  Member member_;
  std::vector<double> ring_;
  std::vector<double> by_size_;  // room for the ring in another order
  std::uint64_t count_ = 0;
};

}  // namespace dvar::inline v0_2
