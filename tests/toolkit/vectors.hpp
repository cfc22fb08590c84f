#pragma once

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace dvar::test {

/// Vectors of independent normal numbers around a center that falls by e^-pace a step.
inline std::vector<std::vector<double>> random_vectors(std::size_t length, std::size_t dimension,
                                                       double pace = 0.0, double noise = 1.0) {
  std::mt19937_64 engine{20211206};
  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> all(length, std::vector<double>(dimension));
  for (std::size_t i = 0; i < length; ++i)
    for (double& component : all[i])
      component = std::exp(-pace * static_cast<double>(i)) + noise * normal(engine);
  return all;
}

}  // namespace dvar::test
