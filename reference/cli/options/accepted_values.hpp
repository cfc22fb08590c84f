#pragma once

#include <array>
#include <functional>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "name_table.hpp"

namespace dvar::cli {

/// Holds the numbers between two ends. What is not finite is in none.
struct interval {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool without_least = false;
  bool without_most = false;
};

constexpr interval at_least(double least) {
  return {.least = least};
}
constexpr interval above(double least) {
  return {.least = least, .without_least = true};
}
constexpr interval between(double least, double most) {
  return {.least = least, .most = most};
}
/// Returns the numbers from `least` up to `most`, which is not among them.
constexpr interval from_to_below(double least, double most) {
  return {.least = least, .most = most, .without_most = true};
}
/// Returns the numbers from `least`, which is not among them, up to `most`.
constexpr interval above_up_to(double least, double most) {
  return {.least = least, .most = most, .without_least = true};
}

/// Holds one of a few texts.
struct choice {
  std::string name;
  std::string meaning{};  ///< is for the help; may be empty
};
using choices = std::vector<choice>;

/// Returns the names of a table, with meanings in the same order.
template <class Value, std::size_t Count>
choices one_of(const name_table<Value, Count>& table, const std::array<std::string, Count>& meanings = {}) {
  choices all;
  for (std::size_t i = 0; i < Count; ++i)
    all.push_back({.name = std::string{table.entries[i].name}, .meaning = meanings[i]});
  return all;
}

/// Describes texts that a function knows.
struct text_form {
  std::string expected;
  std::function<bool(const std::string&)> fits;
};

/// Says what values an option takes: any of its type, or what one of these says.
using accepted_values = std::variant<std::monostate, interval, choices, text_form>;

/// Returns what an error says was expected: `at least 1`, `mean or spread`; empty for any value.
std::string expectation(const accepted_values& accepted);

/// Returns what a help says is accepted: the expectation, with the meanings of choices.
std::string explanation(const accepted_values& accepted);

/// Returns whether a number lies in the interval; true for what is no interval.
bool admits(const accepted_values& accepted, double value);

/// Returns whether the text is one of the choices, or of the form; true for what is neither.
bool admits(const accepted_values& accepted, const std::string& value);

}  // namespace dvar::cli
