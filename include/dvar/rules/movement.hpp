#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <dvar/criteria/vector_criterion.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/finite.hpp>
#include <dvar/options/field.hpp>
#include <dvar/state.hpp>
#include <dvar/text/number.hpp>

namespace dvar::inline v0_2 {

/// Holds the settings of `movement`.
struct movement_options {
  /// Says how many components the vector has.
  std::size_t dimension = 0;
  /// Says over how many of the latest vectors the movement is measured: W.
  std::size_t window = 100;
  /// Stops when the movement has not fallen below its lowest value for so many vectors.
  std::size_t patience = 1000;

  /// Lists the options by their names.
  static constexpr auto fields() {
    using self = movement_options;
    return std::tuple{
        field{&self::dimension, "dimension", at_least(1), "how many components the vector has",
              presence::required},
        field{&self::window, "window", at_least(2),
              "W: how many of the latest vectors the movement is measured over"},
        field{&self::patience, "patience", at_least(1),
              "stop when the movement has not fallen below its lowest value for so many vectors"}};
  }
};

/// Stops when a vector, such as the embedding that is learned, no longer comes to rest any further.
///
/// Its movement is the variance of the latest W vectors,
/// \f[ V_t = \frac{1}{W} \sum_{i=t-W+1}^{t} \Bigl\lVert x_i - \bar x \Bigr\rVert^2 ; \f]
/// the rule stops when the last `patience` of them were no lower than the lowest before: the windowed moving
/// variance (ES-WMV) of Early Stopping for Deep Image Prior, arXiv 2112.06074, with its defaults of 100 and
/// 1000. The statistic is the number of vectors since the lowest movement.
///
/// The window is the end of one block of W vectors and the beginning of the next. Means, as deviations from a
/// vector of the block, and squared deviations are added up in each, and pooled by the pairwise update of Chan,
/// Golub and LeVeque (1983); nothing is subtracted to take a vector out. A common offset costs no digits, and a
/// vector that does not move has movement 0, exactly.
///
/// What to expect:
/// - fewer than W vectors: `warming_up`;
/// - a NaN or an infinity among the last W vectors: no statistic, no stop; the count stands still until it has
///   left, and there is no trace of it afterwards;
/// - a vector that does not move at all: movement 0 is the lowest at its first appearance, and it stops
///   `patience` vectors later;
/// - one lucky low window early on, or a step size that falls for ever: stops early, or never.
///
/// Takes O(dimension) time an observation on average, O(W dimension) once in W; memory for W vectors in
/// double. Never allocates after construction.
class movement {
 public:
  /// Names the rule in verdicts, texts and saved states.
  static constexpr std::string_view name = "movement";
  /// Says in a sentence what the rule does.
  static constexpr std::string_view summary =
      "Stops when a vector, such as the embedding that is learned, no longer comes to rest any further";

  /// Throws `std::invalid_argument` when an option is out of its range.
  explicit movement(const movement_options& options)
      : options_(checked(name, options)),
        rows_(options.window * options.dimension),
        rests_(options.window),
        pivot_(options.dimension),
        mean_(options.dimension),
        old_pivot_(options.dimension) {}

  /// Observes `vector`. Precondition: it has `dimension` components.
  template <real_vector V>
  verdict observe(const V& vector) noexcept {
    const auto* const x = std::ranges::data(vector);
    double* const row = rows_.data() + position_ * options_.dimension;
    const auto n = static_cast<double>(position_ + 1);
    for (std::size_t d = 0; d < options_.dimension; ++d) {
      row[d] = static_cast<double>(x[d]);
      if (position_ == 0) {
        pivot_[d] = row[d];
        mean_[d] = 0.0;
      }
      const double deviation = detail::unknown(row[d]) - pivot_[d];
      const double step = deviation - mean_[d];
      mean_[d] += step / n;
      squares_ += step * (deviation - mean_[d]);
    }
    if (++position_ == options_.window) close_block();
    measure();
    if (variance_) {
      since_lowest_ = *variance_ < lowest_ ? 0 : since_lowest_ + 1;
      lowest_ = std::min(lowest_, *variance_);
    }
    return latest();
  }

  [[nodiscard]] verdict latest() const noexcept {
    if (!full_) return {.warming_up = true};
    if (!variance_) return {};
    const bool stop = since_lowest_ >= options_.patience;
    return {.stop = stop, .rule = stop ? name : "", .statistic = static_cast<double>(since_lowest_)};
  }

  /// Returns \f$ V_t \f$, or no value until there are W vectors or while they are not finite.
  [[nodiscard]] std::optional<double> variance() const noexcept { return variance_; }

  [[nodiscard]] const movement_options& options() const noexcept { return options_; }

  [[nodiscard]] std::string reason() const {
    const verdict v = latest();
    if (v.warming_up) return "warming up: fewer than " + std::to_string(options_.window) + " vectors";
    if (!v.statistic) {
      return "the movement over the last " + std::to_string(options_.window) +
             " vectors is undefined: they are not finite";
    }
    return "the movement was lowest, " + brief_text(lowest_) + ", " + std::to_string(since_lowest_) +
           " vectors ago; " + std::to_string(options_.patience) + " stop";
  }

  void reset() noexcept {
    for (std::vector<double>* values : {&rows_, &rests_, &pivot_, &mean_, &old_pivot_})
      std::fill(values->begin(), values->end(), 0.0);
    squares_ = 0.0;
    position_ = 0;
    full_ = false;
    variance_ = std::nullopt;
    lowest_ = std::numeric_limits<double>::max();
    since_lowest_ = 0;
  }

  /// Reports `variance`, and `wait`, the number of vectors since the lowest, which stops at the patience.
  void report(const report_visitor& visitor) const {
    visitor({name, "variance", variance_});
    visitor({name, "wait", latest().statistic,
             stop_bound{stop_bound::comparison::greater_equal, static_cast<double>(options_.patience)}});
  }

  /// Loading throws `state_error` when the saved rule had other options.
  static void state(auto& self, auto& archive) {
    archive.section(name, 1);
    same_options(archive, name, self.options_);
    archive(self.rows_, self.rests_, self.pivot_, self.mean_, self.old_pivot_, self.squares_, self.position_,
            self.full_, self.lowest_, self.since_lowest_);
    if constexpr (is_loading<decltype(archive)>) {
      if (self.position_ >= self.options_.window)
        detail::fail<state_error>("saved state: movement's position is outside its window");
      self.measure();
    }
  }

 private:
  /// Replaces the rows of the block that is full by the means from each to the end, the last first, about
  /// the last vector, and takes the squared deviations from these means.
  void close_block() noexcept {
    const std::size_t dimension = options_.dimension;
    const auto last = rows_.end() - static_cast<std::ptrdiff_t>(dimension);
    std::copy(last, rows_.end(), old_pivot_.begin());
    double squares = 0.0;
    for (std::size_t r = options_.window; r-- > 0;) {
      double* const row = rows_.data() + r * dimension;
      const auto n = static_cast<double>(options_.window - r);
      for (std::size_t d = 0; d < dimension; ++d) {
        const double deviation = row[d] - old_pivot_[d];
        const double before = r + 1 < options_.window ? row[dimension + d] : 0.0;
        row[d] = before + (deviation - before) / n;
        squares += (deviation - before) * (deviation - row[d]);
      }
      rests_[r] = squares;
    }
    position_ = 0;
    full_ = true;
    squares_ = 0.0;
    std::fill(pivot_.begin(), pivot_.end(), 0.0);
    std::fill(mean_.begin(), mean_.end(), 0.0);
  }

  /// Evaluates the movement, once for a vector.
  void measure() noexcept {
    variance_ = std::nullopt;
    if (!full_) return;
    const auto fresh = static_cast<double>(position_);
    const auto all = static_cast<double>(options_.window);
    double squares = rests_[position_];
    if (position_ > 0) {
      const double* const rest_mean = rows_.data() + position_ * options_.dimension;
      double distance = 0.0;
      for (std::size_t d = 0; d < options_.dimension; ++d) {
        const double apart = ((pivot_[d] - old_pivot_[d]) + mean_[d]) - rest_mean[d];
        distance += apart * apart;
      }
      squares += squares_ + distance * fresh * (all - fresh) / all;
    }
    if (const double variance = squares / all; detail::is_finite(variance)) variance_ = variance;
  }

  movement_options options_;
  std::vector<double> rows_;       // the new block's vectors, then the means of the old one's ends
  std::vector<double> rests_;      // squared deviations of the old block, from each position to its end
  std::vector<double> pivot_;      // the first vector of the new block
  std::vector<double> mean_;       // of the new block, about its pivot
  std::vector<double> old_pivot_;  // the last vector of the old block
  double squares_ = 0.0;           // squared deviations of the new block
  std::size_t position_ = 0;       // how many vectors the new block has
  bool full_ = false;
  std::optional<double> variance_;
  double lowest_ = std::numeric_limits<double>::max();
  std::uint64_t since_lowest_ = 0;
};

static_assert(vector_criterion<movement>);

}  // namespace dvar::inline v0_2
