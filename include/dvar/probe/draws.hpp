#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <dvar/detail/fail.hpp>

/// \file
/// Draws numbers for a probe's sources, such as the time steps of a diffusion loss, and for whatever else
/// needs them. With the same generator they are the same with every standard library, unlike those of
/// `std::uniform_int_distribution`, `std::uniform_real_distribution` and `std::shuffle`.

namespace dvar::inline v0_2 {
namespace detail {

/// Returns where part `part` of `parts` equal parts of `size` numbers begins: size * part / parts, without
/// leaving the range of size_t.
constexpr std::size_t edge_of_part(std::size_t size, std::size_t part, std::size_t parts) noexcept {
  return size / parts * part + size % parts * part / parts;
}

}  // namespace detail

/// Holds the whole numbers first, first + 1, …, last - 1.
struct index_range {
  /// Holds the least number.
  std::size_t first = 0;
  /// Holds one more than the greatest number.
  std::size_t last = 0;

  /// Returns how many numbers there are.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return last - first; }

  /// Returns the part-th, from 0, of `parts` parts that follow each other and whose sizes differ by at most
  /// 1: `index_range{0, 1000}.part(2, 3)`, {666, 1000}, is the last third. Throws `std::invalid_argument`
  /// unless part < parts <= size().
  [[nodiscard]] constexpr index_range part(std::size_t part, std::size_t parts) const {
    if (!(part < parts && parts <= size())) {
      detail::fail<std::invalid_argument>("index_range: there is no part " + std::to_string(part) + " of " +
                                          std::to_string(parts) + " in " + std::to_string(size()) +
                                          " numbers");
    }
    return {first + detail::edge_of_part(size(), part, parts),
            first + detail::edge_of_part(size(), part + 1, parts)};
  }

  bool operator==(const index_range&) const = default;
};

namespace detail {

/// Draws 64 random bits from a generator of any range. Where the range is no power of two, values that would
/// make some bits likelier are drawn again.
template <std::uniform_random_bit_generator Generator>
std::uint64_t random_bits(Generator& generator) {
  constexpr std::uint64_t range = std::uint64_t{Generator::max()} - std::uint64_t{Generator::min()};
  if constexpr (range == std::numeric_limits<std::uint64_t>::max()) {
    return static_cast<std::uint64_t>(generator()) - Generator::min();
  } else {
    // The largest power of two that is not above the number of values.
    constexpr unsigned bits =
        static_cast<unsigned>(std::numeric_limits<std::uint64_t>::digits - std::countl_zero(range + 1) - 1);
    std::uint64_t value = 0;
    for (unsigned filled = 0; filled < std::numeric_limits<std::uint64_t>::digits; filled += bits) {
      std::uint64_t next = 0;
      do {
        next = static_cast<std::uint64_t>(generator()) - Generator::min();
      } while (next >> bits != 0);
      value = value << bits | next;
    }
    return value;
  }
}

}  // namespace detail

/// Draws a whole number of 0, 1, …, bound - 1, every one equally likely: 64 bits modulo the bound, after the
/// values that would make the small ones likelier are thrown away (O'Neill, "Efficiently Generating a Number
/// in a Range", 2018). Throws `std::invalid_argument` when the bound is below 1.
template <std::uniform_random_bit_generator Generator, std::integral Number>
Number draw_below(Generator& generator, Number bound) {
  if (bound < 1) {
    detail::fail<std::invalid_argument>("draw_below: expected a bound of at least 1, got " +
                                        std::to_string(bound));
  }
  const auto size = static_cast<std::uint64_t>(bound);
  const std::uint64_t thrown_away = (0 - size) % size;
  for (;;) {
    const std::uint64_t bits = detail::random_bits(generator);
    if (bits >= thrown_away) return static_cast<Number>(bits % size);
  }
}

/// Draws a number of [0, 1): the upper 53 of 64 bits, times 2^-53.
template <std::uniform_random_bit_generator Generator>
double draw_unit(Generator& generator) {
  return static_cast<double>(detail::random_bits(generator) >> 11) * 0x1p-53;
}

/// Returns true with the given probability, never with 0, always with 1. Draws once whatever the probability,
/// so a change of the probability leaves all later draws as they were.
template <std::uniform_random_bit_generator Generator>
bool draw_chance(Generator& generator, double probability) {
  return draw_unit(generator) < probability;
}

/// Draws a number from the range, every one equally likely. Throws `std::invalid_argument` when the range is
/// empty.
template <std::uniform_random_bit_generator Generator>
std::size_t draw_index(Generator& generator, index_range range) {
  if (range.first >= range.last) {
    detail::fail<std::invalid_argument>("draw_index: the range from " + std::to_string(range.first) +
                                        " to below " + std::to_string(range.last) + " is empty");
  }
  return range.first + draw_below(generator, range.size());
}

/// Draws `count` numbers from the range, no two equal: the first of one permutation of all, every permutation
/// equally likely (Fisher and Yates), as the official DVAR program draws its time steps. Takes O(size of the
/// range). Throws `std::invalid_argument` when the range has fewer numbers.
template <std::uniform_random_bit_generator Generator>
std::vector<std::size_t> draw_distinct(Generator& generator, index_range range, std::size_t count) {
  if (range.first > range.last || count > range.size()) {
    detail::fail<std::invalid_argument>("draw_distinct: there are no " + std::to_string(count) +
                                        " different numbers from " + std::to_string(range.first) +
                                        " to below " + std::to_string(range.last));
  }
  std::vector<std::size_t> numbers(range.size());
  std::iota(numbers.begin(), numbers.end(), range.first);
  for (std::size_t i = 0; i < count; ++i)
    std::swap(numbers[i], numbers[draw_index(generator, {i, numbers.size()})]);
  numbers.resize(count);
  return numbers;
}

/// Draws `count` numbers in ascending order, one from each of `count` equal parts of the range: spread over
/// all of it, however few they are. Where they are more than the range has, a part is a single number and
/// each number comes about equally often. Throws `std::invalid_argument` when the range is empty.
template <std::uniform_random_bit_generator Generator>
std::vector<std::size_t> draw_stratified(Generator& generator, index_range range, std::size_t count) {
  if (range.first >= range.last) {
    detail::fail<std::invalid_argument>("draw_stratified: the range from " + std::to_string(range.first) +
                                        " to below " + std::to_string(range.last) + " is empty");
  }
  std::vector<std::size_t> numbers(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t low = detail::edge_of_part(range.size(), i, count);
    const std::size_t high = std::max(low + 1, detail::edge_of_part(range.size(), i + 1, count));
    numbers[i] = range.first + draw_index(generator, {low, high});
  }
  return numbers;
}

}  // namespace dvar::inline v0_2
