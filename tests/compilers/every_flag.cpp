// Shows every rule and every statistic streams with and without what is not finite, and prints what comes of each
// observation, without its digits: the same text whatever compiler and flags built this.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <limits>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <dvar/dvar.hpp>

#include "../toolkit/every_criterion.hpp"

namespace {

using stream = std::pair<std::string, std::vector<double>>;

/// Returns the number of these bits, of which the compiler knows nothing.
double of_bits(std::uint64_t bits) {
  const volatile std::uint64_t memory = bits;
  return std::bit_cast<double>(memory);
}

std::vector<stream> streams() {
  constexpr std::size_t length = 120;
  const double nan = of_bits(0x7ff8000000000000);
  const double infinity = of_bits(0x7ff0000000000000);
  std::mt19937_64 engine{7};
  std::vector<double> falling;
  for (std::size_t i = 1; i <= length; ++i)
    falling.push_back(0.25 + 4.0 / static_cast<double>(i) + 0.01 * static_cast<double>(engine() % 100));
  const auto with = [&](std::vector<std::size_t> where, double what) {
    std::vector<double> values = falling;
    for (const std::size_t i : where)
      values[i] = what;
    return values;
  };
  std::vector<double> far = falling;
  for (double& value : far)
    value += 1e9;
  return {{"falling", falling},
          {"far away", far},
          {"constant", std::vector<double>(length, 0.1)},
          {"NaN at first", with({0}, nan)},
          {"NaN once", with({40}, nan)},
          {"NaN at the end of a window", with({11, 23, 29, 30}, nan)},
          {"negative NaN", with({17, 60}, of_bits(0xfff8000000000001))},
          {"NaN among equals",
           [&] {
             std::vector<double> values(length, 0.5);
             values[50] = nan;
             return values;
           }()},
          {"nothing but NaN", std::vector<double>(length, nan)},
          {"infinity once", with({35}, infinity)},
          {"negative infinity", with({35}, -infinity)},
          {"both infinities", [&] {
             auto values = with({50}, infinity);
             values[52] = -infinity;
             return values;
           }()}};
}

char symbol(const dvar::verdict& v) {
  if (v.stop) return v.statistic ? 'S' : 's';
  if (v.warming_up) return 'w';
  return v.statistic ? '+' : '-';
}

char symbol(const std::optional<double>& value) {
  return value ? '+' : '-';
}

void show_statistic(const auto& statistic, std::string& seen) {
  if constexpr (requires { statistic.variance(); }) seen += symbol(statistic.variance());
  if constexpr (requires {
                  { statistic.mean() } -> std::same_as<std::optional<double>>;
                })
    seen += symbol(statistic.mean());
  if constexpr (requires { statistic.fit(); }) seen += statistic.fit() ? '+' : '-';
  if constexpr (requires { statistic.minimum(); }) seen += symbol(statistic.minimum());
  if constexpr (requires { statistic.quantile(); }) seen += symbol(statistic.quantile());
  if constexpr (requires {
                  { statistic.value() } -> std::same_as<std::optional<double>>;
                })
    seen += symbol(statistic.value());
}

/// Prints what a text, a trace and an option make of what is no number.
void show_texts(double nan, double infinity) {
  std::ostringstream lines;
  dvar::trace records;
  records.append(1, {{"loss", nan}, {"probe_loss", -infinity}});
  dvar::write_json_line(lines, records.back());
  std::cout << dvar::shortest_text(nan) << ' ' << dvar::brief_text(-nan) << ' ' << dvar::brief_text(infinity)
            << ' ' << lines.str();
  for (const double limit : {nan, infinity}) {
    try {
      (void)dvar::threshold(dvar::direction::minimize, limit);
      std::cout << "a threshold of " << dvar::brief_text(limit) << '\n';
    } catch (const std::invalid_argument& refusal) {
      std::cout << refusal.what() << '\n';
    }
  }
}

/// Shows all rules and all statistics the values.
void show_stream(const std::string& name, const std::vector<double>& values) {
  dvar::test::for_each(dvar::test::every_criterion(), [&](auto rule) {
    std::string seen;
    for (const double value : values)
      seen += symbol(rule.observe(value));
    std::cout << dvar::test::name_of(rule) << ", " << name << ": " << seen << '\n';
  });
  dvar::test::for_each(dvar::test::every_statistic(), [&](auto statistic) {
    std::string seen;
    for (const double value : values) {
      dvar::test::show(statistic, value);
      show_statistic(statistic, seen);
    }
    std::cout << dvar::test::name_of(statistic) << ", " << name << ": " << seen << '\n';
  });
}

/// Prints verdicts as libraries have it.
void show_verdicts() {
  for (const dvar::verdict& v : {dvar::verdict{}, dvar::verdict{.warming_up = true},
                                 dvar::verdict{.stop = true, .rule = "variance_ratio", .statistic = 0.25}}) {
#if defined(__cpp_lib_format)
    std::cout << std::format("{} [{:>40}]", v, v) << '\n';
#else
    const std::string text = dvar::to_text(v);
    std::cout << v << " [" << std::string(40 - text.size(), ' ') << text << "]\n";
#endif
  }
}

}  // namespace

int main() {
  show_verdicts();
  for (const auto& [name, values] : streams())
    show_stream(name, values);
  for (const char* const text :
       {"1e-400", "-2.5e3", "1e999", "+1", "0x10", "5.", ".5", "1e", "inf", "NaN", "1,5"}) {
    const auto value = dvar::parse_number<double>(text);
    std::cout << text << " is " << (value ? dvar::shortest_text(*value) : "no number") << '\n';
  }
  show_texts(of_bits(0x7ff8000000000000), of_bits(0x7ff0000000000000));
}
