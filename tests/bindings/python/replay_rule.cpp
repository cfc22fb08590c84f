// What the C++ library makes of a rule and a trace, for the tests of the Python package.
//
// Reads, a case a line: a rule as make_criterion reads it, then the values. Writes, a case a line, three columns with
// tabs between: the number (from 1) of the value that stops, 0 without one; the saved state after the values up to
// and with that one, in hexadecimal; and the sentence.

#include <cstddef>
#include <iostream>
#include <sstream>
#include <string>

#include <dvar/criteria/make_criterion.hpp>
#include <dvar/detail/number_text.hpp>

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
      stopped = rule.observe(dvar::detail::parse_number<double>(word).value()).stop;
    }
    std::cout << (stopped ? count : 0) << '\t';
    for (const std::byte byte : dvar::save_state(rule)) {
      constexpr const char* digits = "0123456789abcdef";
      std::cout << digits[std::to_integer<unsigned>(byte) >> 4U]
                << digits[std::to_integer<unsigned>(byte) & 15U];
    }
    std::cout << '\t' << rule.reason() << '\n';
  }
}
