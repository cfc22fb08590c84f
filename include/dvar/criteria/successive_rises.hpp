#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/direction.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// Settings of `successive_rises`.
struct successive_rises_options {
  /// s: after how many rises in a row to stop; at least 1.
  std::size_t rises = 3;
  /// k: every how many observations the value is compared with that of the last time; at least 1.
  std::size_t strip = 5;
};

/// Stops when the value has got worse s times in a row: \f$ UP_s \f$ of Prechelt, "Early Stopping - But When?"
/// (1998).
///
/// \f[ E(t) > E(t-k), \quad E(t-k) > E(t-2k), \quad \dots, \quad E(t-(s-1)k) > E(t-sk) \f]
///
/// when minimizing, as in the paper, at the end of every strip of k observations, \f$ t = k, 2k, \dots \f$;
/// with falls in place of rises when maximizing. How far the value rises does not matter, nor whether it is
/// worse than the best. With strips of 1 it is EarlyStopping.jl's `Patience` (alias `UP`).
///
/// An equal value is no rise and ends the row, and so does a NaN, twice: it is not worse than what was before
/// it, nor is what comes after worse than it. Infinities are compared like other values. Between the ends of
/// strips the verdict of the last one stands; `warming_up` before the second, the first that can be compared.
/// The earliest stop is observation (s + 1) k. The statistic is the number of rises in a row. On flat white
/// noise, s rises in a row come by chance, with probability 1/(s + 1)! at the end of any strip.
///
/// Constant time and memory. Not latched.
class successive_rises {
 public:
  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit successive_rises(direction better, const successive_rises_options& options = {})
      : better_(better), options_(checked(options)) {}

  verdict observe(double value) noexcept {
    if (++count_ % options_.strip == 0) {
      if (count_ > options_.strip) in_a_row_ = is_better(better_, previous_, value) ? in_a_row_ + 1 : 0;
      previous_ = value;
    }
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (count_ / options_.strip < 2) return {.warming_up = true};
    const bool stop = in_a_row_ >= options_.rises;
    return {
        .stop = stop, .reason = stop ? "successive_rises" : "", .statistic = static_cast<double>(in_a_row_)};
  }

  [[nodiscard]] direction better() const noexcept { return better_; }
  [[nodiscard]] const successive_rises_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const std::string strip = std::to_string(options_.strip);
    if (latest().warming_up)
      return "warming up: " + std::to_string(count_) + " of two times " + strip + " observations";
    return "worse " + std::to_string(in_a_row_) + " times in a row, of " + std::to_string(options_.rises) +
           ", at strips of " + strip + ", at observation " + std::to_string(count_ - count_ % options_.strip);
  }

  void reset() noexcept {
    count_ = 0;
    in_a_row_ = 0;
    previous_ = 0.0;
  }

  void save(state_writer& out) const {
    out.section("successive_rises", 1);
    out.write_count(static_cast<std::uint64_t>(better_));
    out.write_count(options_.rises);
    out.write_count(options_.strip);
    out.write_count(count_);
    out.write_count(in_a_row_);
    out.write_real(previous_);
  }

  /// Throws `state_error` when the saved rule had other options or another direction.
  void load(state_reader& in) {
    in.section("successive_rises", 1);
    in.expect_count(static_cast<std::uint64_t>(better_), "successive_rises's direction");
    in.expect_count(options_.rises, "successive_rises's rises");
    in.expect_count(options_.strip, "successive_rises's strip");
    count_ = in.read_count();
    in_a_row_ = in.read_count();
    previous_ = in.read_real();
  }

 private:
  static successive_rises_options checked(const successive_rises_options& options) {
    if (options.rises == 0)
      detail::fail<std::invalid_argument>("successive_rises: rises must be at least 1, not 0");
    if (options.strip == 0)
      detail::fail<std::invalid_argument>("successive_rises: strip must be at least 1, not 0");
    return options;
  }

  direction better_;
  successive_rises_options options_;
  std::uint64_t count_ = 0;
  std::uint64_t in_a_row_ = 0;
  double previous_ = 0.0;  // at the end of the last strip
};

static_assert(criterion<successive_rises>);

}  // namespace dvar
