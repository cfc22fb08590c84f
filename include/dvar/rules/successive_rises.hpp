#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include <dvar/criteria/criterion.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/direction.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `successive_rises`.
struct successive_rises_options {
  /// Says after how many rises in a row the rule stops: s.
  std::size_t rises = 3;
  /// Says every how many observations the value is compared with that of the last time: k.
  std::size_t strip = 5;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = successive_rises_options;
    return std::tuple{
        field{&self::rises, "rises", at_least(1), "s: after how many rises in a row to stop"},
        field{&self::strip, "strip", at_least(1),
              "k: every how many observations the value is compared with that of the last time"}};
  }
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
/// Takes constant time and memory. It is not latched.
class successive_rises {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "successive_rises";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the value has got worse a number of times in a row (Prechelt's UP)";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit successive_rises(direction better, const successive_rises_options& options = {})
      : better_(better), options_(checked(name, options)) {}

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
    return {.stop = stop, .rule = stop ? name : "", .statistic = static_cast<double>(in_a_row_)};
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

  /// Reports `rises`, those in a row, which stops at the option of that name.
  void report(const report_visitor& visitor) const {
    visitor({name, "rises", latest().statistic,
             stop_bound{stop_bound::comparison::greater_equal, static_cast<double>(options_.rises)}});
  }

  void reset() noexcept {
    count_ = 0;
    in_a_row_ = 0;
    previous_ = 0.0;
  }

  /// Loading throws `state_error` when the saved rule had other options or another direction.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    archive.same(self.better_, "successive_rises's direction");
    same_options(archive, name, self.options_);
    archive(self.count_, self.in_a_row_, self.previous_);
  }

 private:
  direction better_;
  successive_rises_options options_;
  std::uint64_t count_ = 0;
  std::uint64_t in_a_row_ = 0;
  double previous_ = 0.0;  // at the end of the last strip
};

static_assert(criterion<successive_rises>);

}  // namespace dvar::inline v0_2
