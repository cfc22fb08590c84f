#pragma once

#include <algorithm>
#include <array>
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

/// Holds the settings of `sequential_test`.
struct sequential_test_options {
  /// Bounds the probability of ever stopping a run that still gains as much as is asked for.
  double probability = 0.01;
  /// Asks for this share of the average gain an observation so far.
  double share = 0.1;
  /// Asks for at least this gain an observation.
  double min_gain = 0.0;
  /// Says after how many observations the first test begins.
  std::size_t first = 100;
  /// Says how far apart the means are that a test compares, as a part of the observations before it.
  double lag = 0.5;
  /// Says how many pairs of means a test compares, at least, where its lag has room for them.
  std::size_t pairs = 32;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = sequential_test_options;
    return std::tuple{
        field{&self::probability, "probability", above(0.0).below(1.0),
              "bounds the probability of ever stopping a run that still gains as much as is asked for"},
        field{&self::share, "share", at_least(0.0).below(1.0),
              "ask for this share of the average gain an observation so far"},
        field{&self::min_gain, "min_gain", at_least(0.0).finite(),
              "ask for at least this gain an observation"},
        field{&self::first, "first", at_least(18), "after how many observations the first test begins"},
        field{&self::lag, "lag", above(0.0).at_most(1.0),
              "how far apart the compared means are, as a part of the observations before the test"},
        field{&self::pairs, "pairs", at_least(1), "how many pairs of means a test compares, at least"}};
  }
};

/// Stops when the latest observations gain less than is asked for, and is wrong with a bounded probability, however
/// often it looks: an anytime-valid test.
///
/// Test e = 0, 1, … begins after a_e observations, a quarter more than the one before. It divides the next
/// w_e = `lag` a_e observations into blocks, `pairs` or a little more, and compares the mean of each with that of the
/// observations w_e later. It asks for the gain
/// \f[ g_e = w_e \max \Bigl( \textit{share} \cdot \frac{\tilde x_1 - \tilde x_e}{a_e - 9}, \textit{min\_gain} \Bigr) \f]
/// with the medians of the first 9 observations and of the last 9 before the test. A pair that gains less speaks against
/// the run, one that does not speaks for it: s = +1 or -1. The test bets on that,
/// \f[ K_j = K_{j-1} (1 + \lambda_j s_j), \quad \lambda_j = \max \Bigl( 0, 2 \, \frac{1.5 + \text{pairs against}}
///     {2 + \text{pairs}} - 1 \Bigr), \quad K_0 = 1, \f]
/// the latter of the pairs before j, and the rule stops when \f$ K \ge (e + 1)(e + 2) / \textit{probability} \f$. The
/// statistic is the smallest \f$ (e + 1)(e + 2) / K \f$ so far, at most 1: a p-value that may be looked at at any time. It
/// never grows, so a stop stays.
///
/// What is promised: let the observations be a curve plus noise that is independent from one to the next and symmetric
/// about 0, or all of one distribution; with any tails and any scale. If the curve gains at least \f$ g_e \f$ from the mean
/// of every block to the mean one lag later, then the probability that the rule ever stops is at most `probability`. For
/// the noises of a pair then differ by something symmetric, so that it speaks against the run with probability 1/2 or
/// less, whatever the earlier pairs of the test said; K is a nonnegative supermartingale, which reaches 1 / p with
/// probability p at most (Ville); and \f$ \sum_e 1 / ((e + 1)(e + 2)) = 1 \f$. Betting is as in Waudby-Smith and Ramdas 2024
/// ("Estimating means of bounded random variables by betting"), on signs, so that nothing has to be bounded, and so is an
/// error that is spent over tests (Howard, Ramdas, McAuliffe and Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic
/// confidence sequences"); the scheme of the tests is this library's.
///
/// What is not promised: anything about noise that is alike over more than a block, such as slow ripples, which are taken
/// for falls and rests; blocks are short at first and grow with the run. Nor that a run that rests now will not fall later.
///
/// What to expect:
/// - before the first pair: `warming_up`;
/// - a straight line: it gains as much as on average, so it goes on but for the probability;
/// - an exponential fall: it stops after the gain has gone below the share, later the more noise there is;
/// - flat noise: it has gained nothing on average, so nothing is asked for and it goes on; `min_gain` is for that, or
///   `already_converged`;
/// - spikes: they count as one pair each;
/// - a NaN or an infinity: its pair is left out, and the medians leave it out too.
///
/// Takes constant time an observation; never allocates after construction.
class sequential_test {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "sequential_test";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when the latest observations gain too little, and wrongly with at most a given probability";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit sequential_test(direction better, const sequential_test_options& options = {})
      : better_(better),
        options_(checked(name, options)),
        tests_(concurrent_tests(options.lag)),
        firsts_(tests_.size() * 2 * options.pairs),
        next_begin_(options.first) {}

  /// Takes constant time; never allocates, never throws.
  verdict observe(double value) noexcept {
    const double loss = better_ == direction::minimize ? value : -value;
    for (std::size_t slot = 0; slot < tests_.size(); ++slot)
      if (tests_[slot].lag > 0) show(tests_[slot], &firsts_[slot * 2 * options_.pairs], loss);
    if (count_ < beginning_.size()) beginning_[count_] = loss;
    latest_[count_ % latest_.size()] = loss;
    if (++count_ == next_begin_) begin_test();
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (!p_value_) return {.warming_up = true};
    if (*p_value_ <= options_.probability) return {.stop = true, .rule = name, .statistic = p_value_};
    return {.statistic = p_value_};
  }

  /// Returns the p-value, which holds at any time, or no value before the first pair.
  [[nodiscard]] std::optional<double> p_value() const noexcept { return p_value_; }

  [[nodiscard]] direction better() const noexcept { return better_; }
  [[nodiscard]] const sequential_test_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    if (!p_value_)
      return "warming up: " + std::to_string(count_) + " of " +
             std::to_string(options_.first + lag_of(options_.first) + spacing_of(lag_of(options_.first))) +
             " observations";
    const bool stop = *p_value_ <= options_.probability;
    return std::string(stop ? "too little is gained" : "it cannot be told that too little is gained") +
           ": p-value " + brief_text(*p_value_) + (stop ? ", not above " : ", above ") +
           brief_text(options_.probability);
  }

  void reset() noexcept {
    std::fill(tests_.begin(), tests_.end(), test{});
    std::fill(firsts_.begin(), firsts_.end(), 0.0);
    beginning_ = latest_ = {};
    count_ = number_ = 0;
    next_begin_ = options_.first;
    p_value_ = std::nullopt;
  }

  /// Reports `p_value`, which stops at the probability or below.
  void report(const report_visitor& visitor) const {
    visitor(
        {name, "p_value", p_value_, stop_bound{stop_bound::comparison::less_equal, options_.probability}});
  }

  /// Loading throws `state_error` when the saved rule had other options or another direction.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    archive.same(self.better_, "sequential_test's direction");
    same_options(archive, name, self.options_);
    for (auto& each : self.tests_)
      archive(each.begin, each.lag, each.spacing, each.required, each.pivot, each.second, each.level,
              each.wealth, each.pairs, each.against);
    for (std::size_t i = 0; i < self.beginning_.size(); ++i)
      archive(self.beginning_[i], self.latest_[i]);
    archive(self.firsts_, self.count_, self.number_, self.next_begin_, self.p_value_);
    if constexpr (is_loading<decltype(archive)>)
      for (const test& each : self.tests_)
        if (each.lag > 0 && (each.begin > self.count_ || each.spacing != self.spacing_of(each.lag)))
          detail::fail<state_error>("saved state: sequential_test's blocks are not those of its options");
  }

 private:
  static constexpr std::size_t median_of = 9;
  using few = std::array<double, median_of>;

  /// Holds one test; one that has not begun has lag 0.
  struct test {
    std::uint64_t begin = 0;    // a_e
    std::uint64_t lag = 0;      // w_e
    std::uint64_t spacing = 0;  // how many observations a block has
    double required = 0.0;      // g_e
    double pivot = 0.0;         // what sums are taken about
    double second = 0.0;        // the sum of the open block of the second lag
    double level = 0.0;         // (e + 1)(e + 2)
    double wealth = 1.0;        // K
    std::uint64_t pairs = 0;
    std::uint64_t against = 0;
  };

  /// Returns how many tests there may be at a time: as each begins a quarter later than the one before, and ends after
  /// two lags, the number of quarters that these make, and one.
  static std::size_t concurrent_tests(double lag) noexcept {
    return static_cast<std::size_t>(std::ceil(std::log(1.0 + 2.0 * lag) / std::log(1.25))) + 1;
  }

  [[nodiscard]] std::uint64_t lag_of(std::uint64_t begin) const noexcept {
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(options_.lag * static_cast<double>(begin)));
  }

  /// Returns how many observations the blocks of a lag have; there are fewer than two times `pairs`.
  [[nodiscard]] std::uint64_t spacing_of(std::uint64_t lag) const noexcept {
    return std::max<std::uint64_t>(1, lag / options_.pairs);
  }

  /// Returns the median of the finite ones, the lower of two; no value where none is.
  static std::optional<double> median(few values) noexcept {
    const auto end =
        std::remove_if(values.begin(), values.end(), [](double each) { return !detail::is_finite(each); });
    if (end == values.begin()) return std::nullopt;
    const auto middle = values.begin() + (end - values.begin() - 1) / 2;
    std::nth_element(values.begin(), middle, end);
    return *middle;
  }

  void begin_test() noexcept {
    test& next = tests_[number_ % tests_.size()];
    const auto e = static_cast<double>(number_++);
    next = {.begin = count_, .lag = lag_of(count_), .level = (e + 1.0) * (e + 2.0)};
    next.spacing = spacing_of(next.lag);
    const std::optional<double> from = median(beginning_);
    const std::optional<double> to = median(latest_);
    next.pivot = to.value_or(0.0);
    const double average = from && to ? (*from - *to) / static_cast<double>(count_ - median_of) : 0.0;
    next.required = static_cast<double>(next.lag) * std::max(options_.share * average, options_.min_gain);
    next_begin_ = count_ + (count_ + 3) / 4;
  }

  /// Shows a test the observation that comes after `count_` others.
  void show(test& each, double* firsts, double loss) noexcept {
    const std::uint64_t since = count_ - each.begin;
    const std::uint64_t place = since % each.lag;
    const std::uint64_t block = place / each.spacing;
    // What is left over at a lag's end makes no block.
    if (since >= 2 * each.lag || block == each.lag / each.spacing) return;
    double& sum = since < each.lag ? firsts[block] : each.second;
    if (place % each.spacing == 0) sum = 0.0;
    sum += loss - each.pivot;
    const bool is_complete = place % each.spacing == each.spacing - 1;
    if (since >= each.lag && is_complete && detail::is_finite(firsts[block]) && detail::is_finite(sum))
      bet(each, firsts[block] - sum < static_cast<double>(each.spacing) * each.required);
  }

  void bet(test& each, bool is_against) noexcept {
    const double expected =
        (1.5 + static_cast<double>(each.against)) / (2.0 + static_cast<double>(each.pairs));
    const double stake = std::max(0.0, 2.0 * expected - 1.0);
    each.wealth *= is_against ? 1.0 + stake : 1.0 - stake;
    ++each.pairs;
    each.against += is_against ? 1 : 0;
    p_value_ = std::min(p_value_.value_or(1.0), each.level / each.wealth);
  }

  direction better_;
  sequential_test_options options_;
  std::vector<test> tests_;
  std::vector<double> firsts_;  // the sums of each test's blocks in its first lag
  few beginning_{};
  few latest_{};
  std::uint64_t count_ = 0;
  std::uint64_t number_ = 0;  // of tests that have begun
  std::uint64_t next_begin_;
  std::optional<double> p_value_;
};

static_assert(criterion<sequential_test>);

}  // namespace dvar::inline v0_2
