// One rule over many series, such as the layers of a network: each stops by itself.

#include <cmath>
#include <iostream>
#include <vector>

#include <dvar/bank/variance_ratio_bank.hpp>

int main() {
  const std::size_t layers = 4;
  dvar::variance_ratio_bank<float> bank{layers, {.window = 310, .threshold = 0.15}};
  std::vector<float> losses(layers);
  for (int step = 1; step <= 1200; ++step) {
    for (std::size_t layer = 0; layer < layers; ++layer) {
      const double time = 40.0 * static_cast<double>(layer + 1);
      losses[layer] = static_cast<float>(0.2 + 0.8 * std::exp(-step / time));
    }
    bank.observe(losses);
  }
  for (std::size_t layer = 0; layer < layers; ++layer)
    std::cout << "layer " << layer << " stops at " << bank.first_stop(layer).value_or(0) << '\n';
}
