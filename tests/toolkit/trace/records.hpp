#pragma once

#include <cmath>
#include <limits>
#include <random>

#include <dvar/trace/trace_record.hpp>

namespace dvar::test {

/// Records with every combination of values, present and absent, of every magnitude.
inline trace varied_records() {
  std::mt19937_64 engine{11};
  std::uniform_real_distribution<double> exponent(-320.0, 308.0);
  std::normal_distribution<double> normal;
  trace records;
  for (std::size_t step = 1; step <= 256; ++step) {
    trace_record& record = records.emplace_back();
    record.step = step * step;
    std::size_t present = step;
    for (const auto& field : detail::trace_fields) {
      if (present % 2 == 1) record.*field.value = normal(engine) * std::pow(10.0, exponent(engine));
      present /= 2;
    }
  }
  records[5].loss = std::numeric_limits<double>::infinity();
  records[6].loss = -std::numeric_limits<double>::infinity();
  records[7].loss = -0.0;
  records[8].loss = std::numeric_limits<double>::denorm_min();
  return records;
}

}  // namespace dvar::test
