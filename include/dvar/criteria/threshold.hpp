#pragma once

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/direction.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/number_text.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// Stops at an observation that is better than a limit, when that is as good as is asked for: `threshold{
/// direction::maximize, 0.9}`.
///
/// \f[ x < l \quad \textrm{(minimizing)}, \qquad x > l \quad \textrm{(maximizing)} \f]
///
/// Strictly: the limit itself is not better than the limit. The semantics of `stopping_threshold` in
/// Lightning's `EarlyStopping` (2.6). The statistic is the observation. An infinity is compared like any other
/// value; a NaN neither stops nor has a statistic.
///
/// Constant time and memory; judges from the first observation.
class threshold {
 public:
  /// Throws `std::invalid_argument` unless `limit` is finite.
  threshold(direction better, double limit) : better_(better), limit_(checked(limit)) {}

  verdict observe(double value) noexcept {
    latest_ = value;
    ++count_;
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (count_ == 0 || std::isnan(latest_)) return {};
    const bool stop = is_better(better_, latest_, limit_);
    return {.stop = stop, .reason = stop ? "threshold" : "", .statistic = latest_};
  }

  [[nodiscard]] direction better() const noexcept { return better_; }
  [[nodiscard]] double limit() const noexcept { return limit_; }

  [[nodiscard]] std::string reason() const {
    if (count_ == 0) return "no observation yet";
    return "observation " + std::to_string(count_) + ", " + detail::brief_text(latest_) + ", is " +
           (latest().stop ? "" : "not ") + "better than " + detail::brief_text(limit_);
  }

  void reset() noexcept {
    latest_ = 0.0;
    count_ = 0;
  }

  void save(state_writer& out) const {
    out.section("threshold", 1);
    out.write_count(static_cast<std::uint64_t>(better_));
    out.write_real(limit_);
    out.write_real(latest_);
    out.write_count(count_);
  }

  /// Throws `state_error` when the saved rule had another limit or direction.
  void load(state_reader& in) {
    in.section("threshold", 1);
    in.expect_count(static_cast<std::uint64_t>(better_), "threshold's direction");
    in.expect_real(limit_, "threshold's limit");
    latest_ = in.read_real();
    count_ = in.read_count();
  }

 private:
  static double checked(double limit) {
    if (!std::isfinite(limit)) {
      detail::fail<std::invalid_argument>("threshold: the limit must be finite, not " +
                                          detail::shortest_text(limit));
    }
    return limit;
  }

  direction better_;
  double limit_;
  double latest_ = 0.0;
  std::uint64_t count_ = 0;
};

static_assert(criterion<threshold>);

}  // namespace dvar
