/// \file
/// Random draws whose results are the same with every standard library. `std::mt19937_64` is specified to
/// the bit; `std::uniform_int_distribution` and its kin are not, so a seed would mean another run with
/// another compiler.
#pragma once

#include <cstdint>
#include <random>
#include <stdexcept>

namespace dvar::data {

/// A whole number from [0, bound), every one equally likely.
///
/// The raw 64 bits modulo `bound`, after the draws below 2^64 mod `bound` are thrown away: what remains
/// is a whole multiple of `bound` values (O'Neill, "Efficiently Generating a Number in a Range", 2018:
/// debiased modulo). Fewer than two raw draws on average for every bound, and practically always one for
/// small bounds.
/// \throws std::invalid_argument if `bound` is 0
inline std::uint64_t draw_below(std::mt19937_64& random, std::uint64_t bound) {
  if (bound == 0) throw std::invalid_argument{"draw_below: expected a bound of at least 1, got 0"};
  const std::uint64_t thrown_away = (0 - bound) % bound;
  for (;;) {
    const std::uint64_t bits = random();
    if (bits >= thrown_away) return bits % bound;
  }
}

/// A double from [0, 1): the upper 53 bits of one raw draw, times 2^-53.
inline double draw_unit(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

/// True with the given probability; 0 never, 1 always. Takes one raw draw whatever the probability, so
/// that a change of the probability leaves all other draws of a run as they were.
inline bool draw_chance(std::mt19937_64& random, double probability) {
  return draw_unit(random) < probability;
}

}  // namespace dvar::data
