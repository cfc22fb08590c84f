#pragma once

#include <bit>
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
/// Draws of whole numbers for a probe's sources, such as the time steps of a diffusion loss. With the same
/// generator they give the same numbers with every standard library, which `std::uniform_int_distribution` and
/// `std::shuffle` do not.

namespace dvar {

/// The whole numbers first, first + 1, …, last - 1.
struct index_range {
  /// The least number.
  std::size_t first = 0;
  /// One more than the greatest.
  std::size_t last = 0;

  /// How many numbers there are.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return last - first; }

  /// The part-th, from 0, of `parts` parts that follow each other and whose sizes differ by at most 1.
  /// `index_range{0, 1000}.part(2, 3)`, {666, 1000}, is the last third. Throws `std::invalid_argument` unless part <
  /// parts <= size().
  [[nodiscard]] constexpr index_range part(std::size_t part, std::size_t parts) const {
    if (!(part < parts && parts <= size())) {
      detail::fail<std::invalid_argument>("index_range: there is no part " + std::to_string(part) + " of " +
                                          std::to_string(parts) + " in " + std::to_string(size()) +
                                          " numbers");
    }
    // size * part / parts, without leaving the range of size_t.
    const auto edge = [&](std::size_t p) { return first + size() / parts * p + size() % parts * p / parts; };
    return {edge(part), edge(part + 1)};
  }

  bool operator==(const index_range&) const = default;
};

namespace detail {

/// 64 random bits, for generators of any range: of those whose range is no power of two, all values that would
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

/// A number from the range, every one equally likely: 64 bits modulo its size, after the values that would make the
/// small ones likelier are thrown away (O'Neill, "Efficiently Generating a Number in a Range", 2018). Throws
/// `std::invalid_argument` when the range is empty.
template <std::uniform_random_bit_generator Generator>
std::size_t draw_index(Generator& generator, index_range range) {
  if (range.first >= range.last) {
    detail::fail<std::invalid_argument>("draw_index: the range from " + std::to_string(range.first) +
                                        " to below " + std::to_string(range.last) + " is empty");
  }
  const std::uint64_t size = range.size();
  const std::uint64_t thrown_away = (0 - size) % size;
  for (;;) {
    const std::uint64_t bits = detail::random_bits(generator);
    if (bits >= thrown_away) return range.first + static_cast<std::size_t>(bits % size);
  }
}

/// `count` numbers from the range, no two equal: the first of one permutation of all, every permutation equally
/// likely (Fisher and Yates), as the official DVAR program draws its time steps. O(size of the range). Throws
/// `std::invalid_argument` when the range has fewer numbers.
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

/// `count` numbers in ascending order, one from each of `count` equal parts of the range: spread over all of it,
/// however few they are. Throws `std::invalid_argument` when the range has fewer numbers.
template <std::uniform_random_bit_generator Generator>
std::vector<std::size_t> draw_stratified(Generator& generator, index_range range, std::size_t count) {
  std::vector<std::size_t> numbers(count);
  for (std::size_t i = 0; i < count; ++i)
    numbers[i] = draw_index(generator, range.part(i, count));
  return numbers;
}

}  // namespace dvar
