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

#include <dvar/criteria/criterion.hpp>
#include <dvar/criteria/variance_ratio.hpp>
#include <dvar/detail/fail.hpp>
#include <dvar/detail/moments.hpp>
#include <dvar/detail/variance_ratio_rows.hpp>
#include <dvar/detail/xtensor.hpp>
#include <dvar/state.hpp>

namespace dvar {

/// The DVAR rule over many series at once: layers, concepts, runs. Each step shows it one value a series.
///
/// Series s gets the verdicts of a `variance_ratio` of its own; see there for what to expect of them, of equal
/// and of non-finite values. All series cut their windows at the same observations, so a step is a few loops
/// over series that lie side by side, which compilers turn into vector instructions.
///
/// The statistics are those of the single rule bit for bit where the compiler rounds each product and each sum.
/// Where it fuses them (GCC does by default once it may use such instructions, as under `-march=native`;
/// `-ffp-contract=off` forbids it), both rules keep the accuracy of `rolling_variance`, and their verdicts can
/// differ where the ratio is that near the threshold.
///
/// Values are stored as `T`: float halves the ring and loses nothing when the losses are float. Memory is N
/// values and about 3.5 sqrt(N) + 8 doubles a series, taken by the constructor. A step takes constant time a
/// series on average; one in about 2 sqrt(N) closes a segment of all windows and takes as many times as long.
template <class T = double>
  requires(std::same_as<T, float> || std::same_as<T, double>)
class variance_ratio_bank {
 public:
  using value_type = T;

  /// Throws `std::invalid_argument` when `series` is 0, when an option is out of its range, and for
  /// `non_finite_policy::skip`, by which the series would not keep in step.
  explicit variance_ratio_bank(std::size_t series, const variance_ratio_options& options = {})
      : options_(checked(series, options)),
        series_(series),
        segments_(std::max<std::size_t>(
            2, static_cast<std::size_t>(std::sqrt(static_cast<double>(options.window))) / 2)) {
    const std::size_t blocks = (series + detail::series_block - 1) / detail::series_block;
    const std::size_t width = (series + blocks - 1) / blocks;
    const std::size_t longest = (options.window + segments_ - 1) / segments_;
    ring_ = zeros<T>(blocks, options.window, width);
    closed_ = zeros<double>(blocks, 3 * segments_, width);
    rests_ = zeros<double>(blocks, 2 * (longest + 1), width);
    totals_ = zeros<double>(blocks, total_rows, width);
    ratios_ = xt::xtensor<double, 1>(std::array<std::size_t, 1>{series}, undefined);
  }

  /// Takes the next value of every series, finite or not, and returns how many series stop now. Never
  /// allocates, never throws. Precondition: `values.size() == series()`.
  std::size_t observe(std::span<const T> values) noexcept {
    assert(values.size() == series_);
    const step now = advance();
    std::size_t stops = 0;
    for (std::size_t block = 0; block < ring_.shape(0); ++block) {
      stops += observe_block(now, block, values.data() + block * width());
    }
    return stops;
  }

  [[nodiscard]] std::size_t series() const noexcept { return series_; }

  /// Observations of each series.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  /// [series]: the latest ratios, each NaN or infinite where there is none.
  [[nodiscard]] const xt::xtensor<double, 1>& ratios() const noexcept { return ratios_; }

  /// The verdict on series `s` after the latest observation. Constant time.
  /// Precondition, here and below: `s < series()`.
  [[nodiscard]] verdict latest(std::size_t s) const noexcept {
    const bool stop = ratios_(s) < options_.threshold;
    return {.stop = stop,
            .warming_up = !full(),
            .reason = stop ? "variance_ratio" : "",
            .statistic = when_finite(ratios_(s))};
  }

  /// Population variance of the last N observations of series `s`; no value before there are N.
  [[nodiscard]] std::optional<double> window_variance(std::size_t s) const noexcept {
    const std::size_t left = segment_end_ - position_;
    const detail::moments window =
        detail::moments{at(rests_, 2 * left, s), at(rests_, 2 * left + 1, s)} + open_moments(s);
    const double variance =
        window.squared_deviations(inverse_window()) / static_cast<double>(options_.window);
    return full() ? when_finite(variance) : std::nullopt;
  }

  /// Population variance of all observations of series `s`; no value before the first.
  [[nodiscard]] std::optional<double> total_variance(std::size_t s) const noexcept {
    const auto n = static_cast<double>(count_);
    detail::moments all = open_moments(s).shifted(open_length_, at(totals_, shift, s));
    all.sum_of_squares += at(totals_, squared_deviations, s);
    return when_finite(all.squared_deviations(1.0 / n) / n);
  }

  [[nodiscard]] const variance_ratio_options& options() const noexcept { return options_; }

  /// Forgets everything: equal to a new object. Allocates nothing.
  void reset() noexcept {
    std::fill_n(ring_.data(), ring_.size(), T{});
    for (rows* const array : {&closed_, &rests_, &totals_}) {
      std::fill_n(array->data(), array->size(), 0.0);
    }
    std::fill_n(ratios_.data(), series_, undefined);
    count_ = 0;
    position_ = segment_ = 0;
    segment_end_ = 1;
    open_length_ = 0.0;
  }

  void save(state_writer& out) const {
    out.section("variance_ratio_bank", 1);
    out.write_count(sizeof(T));
    out.write_count(series_);
    out.write_count(options_.window);
    out.write_real(options_.threshold);
    out.write_count(count_);
    out.write_count(position_);
    out.write_count(segment_);
    out.write_real(open_length_);
    const auto write = [&out](const auto& array) {
      for (std::size_t i = 0; i < array.size(); ++i) {
        out.write_real(static_cast<double>(array.data()[i]));
      }
    };
    write(ring_);
    write(closed_);
    write(rests_);
    write(totals_);
    write(ratios_);
  }

  /// Throws `state_error` when a bank with other options, series or value type was saved.
  void load(state_reader& in) {
    in.section("variance_ratio_bank", 1);
    in.expect_count(sizeof(T), "the size of variance_ratio_bank's value type");
    in.expect_count(series_, "variance_ratio_bank's number of series");
    in.expect_count(options_.window, "variance_ratio_bank's window");
    in.expect_real(options_.threshold, "variance_ratio_bank's threshold");
    count_ = in.read_count();
    position_ = static_cast<std::size_t>(in.read_count());
    segment_ = static_cast<std::size_t>(in.read_count());
    open_length_ = in.read_real();
    segment_end_ = count_ == 0 ? 1 : segment_boundary(segment_ + 1);
    if (segment_ >= segments_ || position_ < segment_boundary(segment_) || position_ >= segment_end_) {
      detail::fail<state_error>("saved state: variance_ratio_bank's position is outside its window");
    }
    const auto read = [&in](auto& array) {
      for (std::size_t i = 0; i < array.size(); ++i) {
        array.data()[i] = static_cast<std::decay_t<decltype(*array.data())>>(in.read_real());
      }
    };
    read(ring_);
    read(closed_);
    read(rests_);
    read(totals_);
    read(ratios_);
  }

 private:
  using rows = xt::xtensor<double, 3>;

  static constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

  /// What a series has once. `pivot`, `sum` and `sum_of_squares` are those of the open segment's new values;
  /// `origin`, `offset` and `squared_deviations` those of all that was closed; `shift` is how far the pivot lies
  /// above the mean of the latter.
  enum total_row : std::size_t {
    pivot,
    sum,
    sum_of_squares,
    origin,
    offset,
    squared_deviations,
    shift,
    total_rows
  };

  /// What an observation does to all series alike.
  struct step {
    std::size_t position;     // where the values go
    bool only_pivot = false;  // the very first one, unless it fills a segment
    bool closes = false;      // whether a segment is full, and which
    std::size_t segment = 0;
    std::size_t begin = 0;
    std::size_t length = 0;
  };

  static variance_ratio_options checked(std::size_t series, const variance_ratio_options& options) {
    if (series == 0) {
      detail::fail<std::invalid_argument>(
          "variance_ratio_bank: the number of series must be at least 1, not 0");
    }
    if (options.non_finite != non_finite_policy::keep) {
      detail::fail<std::invalid_argument>(
          "variance_ratio_bank: the policy for non-finite values must be keep, not skip");
    }
    return variance_ratio(options).options();
  }

  template <class Value>
  static xt::xtensor<Value, 3> zeros(std::size_t blocks, std::size_t rows, std::size_t width) {
    return xt::xtensor<Value, 3>(std::array<std::size_t, 3>{blocks, rows, width}, Value{});
  }

  static std::optional<double> when_finite(double value) noexcept {
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
  }

  [[nodiscard]] bool full() const noexcept { return count_ >= options_.window; }

  [[nodiscard]] double inverse_window() const noexcept { return 1.0 / static_cast<double>(options_.window); }

  /// How many series a block holds; the last one may have fewer.
  [[nodiscard]] std::size_t width() const noexcept { return ring_.shape(2); }

  /// Where segment `index` of the ring begins: as in `rolling_variance`.
  [[nodiscard]] std::size_t segment_boundary(std::size_t index) const noexcept {
    return index * (options_.window / segments_) + std::min(index, options_.window % segments_);
  }

  [[nodiscard]] double segment_length(std::size_t index) const noexcept {
    return static_cast<double>(segment_boundary(index + 1) - segment_boundary(index));
  }

  [[nodiscard]] double at(const rows& array, std::size_t row, std::size_t s) const noexcept {
    return array(s / width(), row, s % width());
  }

  [[nodiscard]] detail::moments open_moments(std::size_t s) const noexcept {
    return {at(totals_, sum, s), at(totals_, sum_of_squares, s)};
  }

  [[nodiscard]] double* total(std::size_t block, total_row row) noexcept { return &totals_(block, row, 0); }

  [[nodiscard]] detail::chunk_rows open(std::size_t block) noexcept {
    return {total(block, pivot), {total(block, sum), total(block, sum_of_squares)}};
  }

  [[nodiscard]] detail::chunk_rows closed(std::size_t block, std::size_t segment) noexcept {
    double* const first = &closed_(block, 3 * segment, 0);
    return {first, {first + width(), first + 2 * width()}};
  }

  [[nodiscard]] detail::moment_rows rest(std::size_t block, std::size_t left) noexcept {
    double* const first = &rests_(block, 2 * left, 0);
    return {first, first + width()};
  }

  [[nodiscard]] detail::pooled_rows history(std::size_t block) noexcept {
    return {total(block, origin), total(block, offset), total(block, squared_deviations)};
  }

  step advance() noexcept {
    step now{.position = position_};
    ++count_;
    open_length_ += 1.0;
    if (++position_ < segment_end_) {
      return now;
    }
    if (count_ == 1 && segment_boundary(1) > 1) {
      now.only_pivot = true;
      segment_end_ = segment_boundary(1);
      return now;
    }
    now.closes = true;
    now.segment = segment_;
    now.begin = segment_boundary(segment_);
    now.length = segment_end_ - now.begin;
    open_length_ = 0.0;
    if (++segment_ == segments_) {
      segment_ = position_ = 0;
    }
    segment_end_ = segment_boundary(segment_ + 1);
    return now;
  }

  std::size_t observe_block(const step& now, std::size_t block, const T* values) noexcept {
    const std::size_t series = std::min(width(), series_ - block * width());
    const detail::chunk_rows latest = open(block);
    std::copy_n(values, series, &ring_(block, now.position, 0));
    if (now.only_pivot) {
      std::copy_n(values, series, latest.pivot);
      return 0;
    }
    detail::add_row(values, latest.pivot, latest.about_pivot.sum, latest.about_pivot.sum_of_squares, series);
    if (now.closes) {
      close_segment(now, block, series);
    }
    if (!full()) {
      return 0;
    }
    const detail::ratio_terms terms{.count = static_cast<double>(count_),
                                    .open_length = open_length_,
                                    .inverse_window = inverse_window(),
                                    .threshold = options_.threshold,
                                    .window_is_all = count_ == options_.window};
    return detail::ratio_rows(terms, rest(block, segment_end_ - position_), latest.about_pivot,
                              total(block, shift), total(block, squared_deviations),
                              ratios_.data() + block * width(), series);
  }

  void close_segment(const step& now, std::size_t block, std::size_t series) noexcept {
    const detail::chunk_rows full_segment = closed(block, now.segment);
    const auto length = static_cast<double>(now.length);
    const auto before = static_cast<double>(count_ - now.length);
    detail::summarise_rows(&ring_(block, now.begin, 0), width(), now.length, full_segment, series);
    detail::fold_rows(full_segment, length, before, history(block), series);
    detail::open_rows(full_segment, length, history(block), open(block), total(block, shift), series);
    if (full()) {
      prepare_rests(block, series);
    }
  }

  /// As in `rolling_variance`.
  void prepare_rests(std::size_t block, std::size_t series) noexcept {
    const double* const pivots = total(block, pivot);
    detail::series_row sums{};
    detail::series_row squares{};
    for (std::size_t segment = 0; segment < segments_; ++segment) {
      if (segment != segment_) {
        detail::add_shifted_rows(closed(block, segment), segment_length(segment), pivots, sums.data(),
                                 squares.data(), series);
      }
    }
    detail::moment_rows last{sums.data(), squares.data()};
    for (std::size_t left = 1; left <= segment_end_ - position_; ++left) {
      const detail::moment_rows next = rest(block, left);
      detail::add_row(&ring_(block, segment_end_ - left, 0), pivots, last.sum, last.sum_of_squares, next.sum,
                      next.sum_of_squares, series);
      last = next;
    }
  }

  variance_ratio_options options_;
  std::size_t series_;
  std::size_t segments_;
  // [block, row, series of the block]: what a step reads of a block lies close together.
  xt::xtensor<T, 3> ring_;
  rows closed_;  // pivot, sum, sum of squares of each segment
  rows rests_;   // sum, sum of squares of the window without the new values, by how many it has left to take
  rows totals_;
  xt::xtensor<double, 1> ratios_;
  std::uint64_t count_ = 0;
  std::size_t position_ = 0;
  std::size_t segment_ = 0;
  std::size_t segment_end_ = 1;
  double open_length_ = 0.0;
};

static_assert(stateful<variance_ratio_bank<float>> && stateful<variance_ratio_bank<double>>);

}  // namespace dvar
