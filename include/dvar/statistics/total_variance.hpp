#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include <dvar/detail/moments.hpp>
#include <dvar/state.hpp>
#include <dvar/statistics/ddof.hpp>

namespace dvar {

/// Mean and variance of every observation so far, in constant memory; two of them merge.
///
/// Observations are added up in chunks of 64, as deviations from the chunk's first value p,
/// \f[ s_1 = \sum (x_i - p), \quad s_2 = \sum (x_i - p)^2 , \f]
/// and every full chunk is folded into the total by the pairwise update of Chan, Golub and LeVeque (1983),
/// \f[ M = M_a + M_b + \delta^2 \frac{n_a n_b}{n_a + n_b}, \quad \delta = \bar x_b - \bar x_a . \f]
/// The means are kept as offsets from the first observation, so that a large common offset costs no digits.
/// There is no \f$ E[x^2] - E[x]^2 \f$ anywhere: the relative error is a few 1e-15 on streams such as 1e9 ±
/// 1e-3, and a constant stream gives exactly 0.
///
/// A NaN or an infinity stays in the total for ever: there is no mean and no variance after it (until
/// `reset`), and none when the variance itself is beyond the range of double.
///
/// `observe` takes constant time and never allocates. Results are computed on demand, in constant time.
class total_variance {
 public:
  void observe(double value) noexcept {
    if (open_count_ == chunk_length) {
      fold();
    }
    if (open_count_ == 0) {
      open(value);
    }
    chunk_.add(value - pivot_);
    ++open_count_;
  }

  /// Adds everything that `other` has seen, as if this object had observed it too (up to rounding).
  void merge(const total_variance& other) noexcept {
    if (other.count() == 0) {
      return;
    }
    total_variance closed = other;
    closed.fold();
    if (count() == 0) {
      *this = closed;
      return;
    }
    fold();
    absorb(closed.count_, (closed.origin_ - origin_) + closed.offset_, closed.squared_deviations_);
  }

  /// How many observations were made.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_ + open_count_; }

  /// The arithmetic mean; no value before the first observation or after a non-finite one.
  [[nodiscard]] std::optional<double> mean() const noexcept {
    const double n = real(count());
    return when_finite(origin_ + (offset_ + chunk_about_mean().sum / n), count() > 0);
  }

  /// \f$ \sum (x_i - \bar x)^2 / (n - \mathrm{ddof}) \f$, the population variance by default.
  /// No value while `count() <= ddof`, after a non-finite observation, or beyond the range of double.
  [[nodiscard]] std::optional<double> variance(delta_degrees_of_freedom delta = population) const noexcept {
    const double n = real(count());
    const double variance = delta.ddof == 0
                                ? unchecked_variance()
                                : squared_deviations(1.0 / n) / (n - static_cast<double>(delta.ddof));
    return when_finite(variance, count() > delta.ddof);
  }

  /// The population variance, for inner loops: not finite where `variance()` has no value.
  [[nodiscard]] double unchecked_variance() const noexcept {
    const double scale = 1.0 / real(count());
    return squared_deviations(scale) * scale;
  }

  /// Forgets everything: equal to a new object.
  void reset() noexcept { *this = total_variance{}; }

  void save(state_writer& out) const {
    out.section("total_variance", 1);
    out.write_count(count_);
    out.write_count(open_count_);
    for (const double value : {origin_, offset_, squared_deviations_, pivot_, shift_}) {
      out.write_real(value);
    }
    chunk_.save(out);
  }

  void load(state_reader& in) {
    in.section("total_variance", 1);
    count_ = in.read_count();
    open_count_ = in.read_count();
    for (double* value : {&origin_, &offset_, &squared_deviations_, &pivot_, &shift_}) {
      *value = in.read_real();
    }
    chunk_.load(in);
  }

 private:
  static constexpr std::uint64_t chunk_length = 64;

  /// Counts stay far below 2^63, and processors convert signed integers at once.
  static double real(std::uint64_t count) noexcept {
    return static_cast<double>(static_cast<std::int64_t>(count));
  }

  static std::optional<double> when_finite(double value, bool defined) noexcept {
    return defined && std::isfinite(value) ? std::optional(value) : std::nullopt;
  }

  /// The open chunk, about the mean of the folded observations.
  [[nodiscard]] detail::moments chunk_about_mean() const noexcept {
    return chunk_.shifted(real(open_count_), shift_);
  }

  /// `scale` is 1 over the number of observations.
  [[nodiscard]] double squared_deviations(double scale) const noexcept {
    return (chunk_about_mean() + detail::moments{0.0, squared_deviations_}).squared_deviations(scale);
  }

  void open(double first) noexcept {
    if (count_ == 0) {
      origin_ = first;
    }
    pivot_ = first;
    shift_ = (pivot_ - origin_) - offset_;
    chunk_ = {};
  }

  void fold() noexcept {
    if (open_count_ > 0) {
      const double scale = 1.0 / real(open_count_);
      absorb(open_count_, (pivot_ - origin_) + chunk_.sum * scale, chunk_.squared_deviations(scale));
    }
    open_count_ = 0;
    shift_ = 0.0;
    chunk_ = {};
  }

  void absorb(std::uint64_t count, double offset, double squared_deviations) noexcept {
    const double before = real(count_);
    const double added = real(count);
    const double share = added / (before + added);
    const double delta = offset - offset_;
    squared_deviations_ += squared_deviations + delta * delta * before * share;
    offset_ += delta * share;
    count_ += count;
  }

  // Folded observations: their number, the first of all observations, their mean less the first, and the sum
  // of squared deviations from their mean.
  std::uint64_t count_ = 0;
  double origin_ = 0.0;
  double offset_ = 0.0;
  double squared_deviations_ = 0.0;

  // The open chunk: its number, its first value, that value less the folded mean, and its sums about it.
  std::uint64_t open_count_ = 0;
  double pivot_ = 0.0;
  double shift_ = 0.0;
  detail::moments chunk_;
};

}  // namespace dvar
