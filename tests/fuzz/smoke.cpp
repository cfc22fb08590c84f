// Runs a fuzz target without a fuzzer: on its seeds and on damaged copies of them, the same ones every time.
// With a directory it writes the seeds there instead, for libFuzzer to begin with.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "target.hpp"

namespace {

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

/// Returns the text with one to four bytes changed, taken out, put in or cut off.
std::string damaged(std::string text, std::mt19937_64& random) {
  for (auto changes = 1 + random() % 4; changes > 0 && !text.empty(); --changes) {
    const std::size_t at = random() % text.size();
    switch (random() % 5) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text[at] = static_cast<char>(text[at] ^ (1 << random() % 8));
        break;
      case 2:
        text.erase(at, 1 + random() % 8);
        break;
      case 3:
        text.insert(at, text.substr(random() % text.size(), random() % 16));
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> seeds = dvar::fuzz::seeds();
  if (argc > 1) {
    std::filesystem::create_directories(argv[1]);
    for (std::size_t i = 0; i < seeds.size(); ++i)
      std::ofstream(std::filesystem::path(argv[1]) / std::to_string(i), std::ios::binary) << seeds[i];
    return 0;
  }
  constexpr int copies = 5000;
  std::mt19937_64 random{1};
  for (const std::string& seed : seeds)
    run(seed);
  for (int i = 0; i < copies; ++i)
    run(damaged(seeds[random() % seeds.size()], random));
  std::printf("%zu seeds and %d damaged copies\n", seeds.size(), copies);
}
