// Replays traces through dvar::patience, alone or among the rules that Lightning has beside it, for
// tests/parity/test_patience.py.
//
// Reads, a trace a line, words and numbers: direction, patience, min_delta, absolute|relative,
// last_improvement|best, against_infinity|accepted, baseline ("none" without one), start_from, threshold and
// divergence (both "none" for patience alone), then the values. Writes, a trace a line, the observation (from 1)
// that stops, 0 without one, and the name of the rule that stops ("none").

#include <cstddef>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <dvar/combinators/any_of.hpp>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/threshold.hpp>
#include <dvar/text/number.hpp>
#include <dvar/trace/replay.hpp>

namespace {

template <class Number>
Number number(const std::string& word) {
  const auto value = dvar::parse_number<Number>(word);
  if (!value) throw std::invalid_argument("expected a number, found \"" + word + '"');
  return *value;
}

std::optional<double> optional_number(const std::string& word) {
  return word == "none" ? std::nullopt : std::optional(number<double>(word));
}

/// Returns whether the word is the second of the two.
bool is_second(const std::string& word, const char* first, const char* second) {
  if (word != first && word != second) {
    throw std::invalid_argument("expected " + std::string(first) + " or " + second + ", found \"" + word +
                                '"');
  }
  return word == second;
}

dvar::replay_result replay_line(const std::vector<std::string>& words) {
  constexpr std::size_t settings = 10;
  if (words.size() < settings) throw std::invalid_argument("expected 10 settings");
  const auto better =
      is_second(words[0], "minimize", "maximize") ? dvar::direction::maximize : dvar::direction::minimize;
  const dvar::patience rule{
      better,
      {.patience = number<std::size_t>(words[1]),
       .min_delta = number<double>(words[2]),
       .scale = is_second(words[3], "absolute", "relative") ? dvar::delta_scale::relative
                                                            : dvar::delta_scale::absolute,
       .measured_from = is_second(words[4], "last_improvement", "best")
                            ? dvar::delta_reference::best
                            : dvar::delta_reference::last_improvement,
       .first = is_second(words[5], "against_infinity", "accepted")
                    ? dvar::first_observation::accepted
                    : dvar::first_observation::against_infinity,
       .baseline = optional_number(words[6]),
       .start_from = number<std::size_t>(words[7])}};
  std::vector<double> values;
  for (std::size_t i = settings; i < words.size(); ++i)
    values.push_back(number<double>(words[i]));
  const auto good_enough = optional_number(words[8]);
  const auto astray = optional_number(words[9]);
  if (!good_enough || !astray) return dvar::replay(values, rule);
  return dvar::replay(values, dvar::any_of{dvar::non_finite{}, dvar::threshold{better, *good_enough},
                                           dvar::divergence{better, *astray}, rule});
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in(line);
    try {
      const auto result = replay_line({std::istream_iterator<std::string>(in), {}});
      std::cout << result.stopped_at.value_or(0) << ' '
                << (result.stopped_at ? result.last.rule : std::string_view("none")) << '\n';
    } catch (const std::invalid_argument& error) {
      std::cerr << "replay_patience: " << error.what() << '\n';
      return 1;
    }
  }
}
