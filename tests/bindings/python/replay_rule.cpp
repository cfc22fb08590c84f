// What the C++ library makes of a rule and a trace, for the tests of the Python package.
//
// Reads, a case a line: a rule as make_criterion reads it, then the values. Writes, a case a line, four columns with
// tabs between: the number (from 1) of the value that stops, 0 without one; and after the values up to and with that
// one, the saved state in hexadecimal, the sentence, and the numbers that the rule reports, as NAME=VALUE or NAME=none.

#include <cstddef>
#include <iostream>
#include <sstream>
#include <string>

#include <dvar/catalog/make_criterion.hpp>
#include <dvar/criteria/report.hpp>
#include <dvar/text/number.hpp>

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in(line);
    std::string word;
    in >> word;
    dvar::any_criterion rule = dvar::make_criterion(word);
    std::size_t count = 0;
    bool stopped = false;
    while (!stopped && in >> word) {
      ++count;
      stopped = rule.observe(dvar::parse_number<double>(word).value()).stop;
    }
    std::cout << (stopped ? count : 0) << '\t';
    for (const std::byte byte : dvar::save_state(rule)) {
      constexpr const char* digits = "0123456789abcdef";
      std::cout << digits[std::to_integer<unsigned>(byte) >> 4U]
                << digits[std::to_integer<unsigned>(byte) & 15U];
    }
    std::cout << '\t' << rule.reason() << '\t';
    const auto reported = dvar::reported_values(rule);
    const auto names = dvar::record_names(reported);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto value = reported[i].value;
      std::cout << (i == 0 ? "" : " ") << names[i] << '=' << (value ? dvar::shortest_text(*value) : "none");
    }
    std::cout << '\n';
  }
}
