#pragma once

#include <cstdint>
#include <optional>

#include <dvar/detail/finite.hpp>
#include <dvar/detail/line_sums.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/line_fit.hpp>

namespace dvar::inline v0_2 {

/// Keeps the least-squares slope of every observation so far against its index, in constant memory; two of
/// them merge.
///
/// Observations are added up in chunks of 64, as deviations from the chunk's first value, and every full chunk
/// is pooled with those before it by the pairwise update of Chan, Golub and LeVeque (1983) for sums of
/// products,
/// \f[ S_{yy} = S_{yy,a} + S_{yy,b} + \delta_y^2 \frac{n_a n_b}{n}, \quad
///     S_{xy} = S_{xy,a} + S_{xy,b} + \delta_x \delta_y \frac{n_a n_b}{n}, \quad
///     \delta_x = \frac{n}{2}, \; \delta_y = \bar y_b - \bar y_a, \; n = n_a + n_b , \f]
/// where part b follows part a, so that their mean indices are n / 2 apart. The mean is kept as an offset from
/// the first value, so that a large common offset costs no digits.
///
/// A NaN or an infinity stays for ever: there is no fit after it (until `reset`). `observe` takes constant time
/// and never allocates; a fit is computed on demand, in constant time.
class total_slope {
 public:
  void observe(double value) noexcept {
    if (open_.count == 0.0) open_.pivot = value;
    open_sums_.add(detail::unknown(value) - open_.pivot, open_.count);
    open_.count += 1.0;
    if (open_.count == chunk_length) close();
  }

  /// Adds what `other` has seen, as if this object had observed it too, after its own (up to rounding). The
  /// order matters: the indices of `other` follow those here.
  void merge(const total_slope& other) noexcept {
    const total_slope added = other;
    close();
    closed_ = pooled(closed_, added.all());
  }

  /// Returns the number of observations, exactly up to 2^53.
  [[nodiscard]] std::uint64_t count() const noexcept {
    return static_cast<std::uint64_t>(closed_.count + open_.count);
  }

  /// Returns the line through all observations, or no value before the third, after a non-finite one, or when
  /// a sum of squares is beyond the range of double.
  [[nodiscard]] std::optional<line_fit> fit() const noexcept {
    const part line = all();
    return line_fit::of(line.count, line.sum_of_squares, line.sum_of_products);
  }

  /// Returns the slope alone, or no value where `fit()` has none.
  [[nodiscard]] std::optional<double> slope() const noexcept {
    const auto line = fit();
    return line ? std::optional(line->slope) : std::nullopt;
  }

  /// Forgets everything: the object equals a new one.
  void reset() noexcept { *this = total_slope{}; }

  static void state(auto& self, auto& archive) {
    archive.section("total_slope", 1);
    archive(self.closed_, self.open_, self.open_sums_);
  }

 private:
  static constexpr double chunk_length = 64.0;

  /// Describes consecutive observations: their mean is `pivot + offset`, and the sums are about the means.
  struct part {
    double count = 0.0;
    double pivot = 0.0;
    double offset = 0.0;
    double sum_of_squares = 0.0;
    double sum_of_products = 0.0;

    static void state(auto& self, auto& archive) {
      archive.whole(self.count);
      archive(self.pivot, self.offset, self.sum_of_squares, self.sum_of_products);
    }
  };

  static part pooled(const part& a, const part& b) noexcept {
    if (a.count == 0.0 || b.count == 0.0) return a.count == 0.0 ? b : a;
    const double count = a.count + b.count;
    const double delta = ((b.pivot - a.pivot) + b.offset) - a.offset;
    const double share = b.count / count;
    return {.count = count,
            .pivot = a.pivot,
            .offset = a.offset + delta * share,
            .sum_of_squares = a.sum_of_squares + b.sum_of_squares + delta * delta * a.count * share,
            .sum_of_products = a.sum_of_products + b.sum_of_products + 0.5 * delta * a.count * b.count};
  }

  /// Returns the open chunk, its sums taken about its own means.
  [[nodiscard]] part open_part() const noexcept {
    part open = open_;
    if (open.count > 0.0) {
      open.offset = open_sums_.sum / open.count;
      open.sum_of_squares = open_sums_.sum_of_squares - open_sums_.sum * open.offset;
      open.sum_of_products = open_sums_.sum_of_products - 0.5 * (open.count - 1.0) * open_sums_.sum;
    }
    return open;
  }

  [[nodiscard]] part all() const noexcept { return pooled(closed_, open_part()); }

  void close() noexcept {
    closed_ = all();
    open_ = {};
    open_sums_ = {};
  }

  part closed_;
  part open_;  // count and pivot; the rest is in the sums
  detail::line_sums open_sums_;
};

}  // namespace dvar::inline v0_2
