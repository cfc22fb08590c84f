#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace dvar::stress {

/// Draws the random numbers of one run: they follow from the seed, the kind and the number of the run alone, and are the
/// same with every standard library, which those of `<random>`'s distributions are not.
class random_stream {
 public:
  random_stream(std::uint64_t seed, std::uint64_t kind, std::uint64_t run)
      : state_(mixed(mixed(mixed(seed) + kind) + run)) {}

  /// Returns a number above 0 and below 1.
  double uniform() { return (static_cast<double>(next() >> 12) + 0.5) * 0x1p-52; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Returns a number whose logarithm is uniform.
  double log_uniform(double low, double high) { return low * std::exp(std::log(high / low) * uniform()); }
  /// Returns a whole number from `low` to `high`.
  std::uint64_t whole(std::uint64_t low, std::uint64_t high) { return low + next() % (high - low + 1); }
  bool chance(double probability) { return uniform() < probability; }

  /// Returns a standard normal number, by Box and Muller.
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    const double angle = 2.0 * std::numbers::pi * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

  /// Returns a number of Student's t distribution with 2 degrees of freedom, whose variance is infinite: by its quantile
  /// function, which is elementary.
  double student_t2() {
    const double p = uniform();
    return (2.0 * p - 1.0) / std::sqrt(2.0 * p * (1.0 - p));
  }

 private:
  /// SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
  static std::uint64_t mixed(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }

  std::uint64_t next() {
    const std::uint64_t drawn = mixed(state_);
    state_ += 0x9e3779b97f4a7c15;
    return drawn;
  }

  std::uint64_t state_;
  double spare_ = 0.0;
  bool has_spare_ = false;
};

}  // namespace dvar::stress
