// parity_compute FUNCTION MODEL_DIR INPUTS OUTPUTS [--double]: runs one of the trainer's networks, samplers or optimizers on
// the tensors of a safetensors file, and writes what it gives to another. The files beside this one have the functions.
#include <exception>
#include <iostream>

#include "request.hpp"
#include "weights/safetensors.hpp"

int main(int count, char** arguments) try {
  using dvar::parity::functions;
  const std::vector<std::string> words(arguments + 1, arguments + count);
  const auto chosen = words.empty() ? functions().end() : functions().find(words[0]);
  const bool in_double = words.size() == 5 && words[4] == "--double";
  if (chosen == functions().end() || (words.size() != 4 && !in_double)) {
    std::cerr << "usage: parity_compute FUNCTION MODEL_DIR INPUTS OUTPUTS [--double], with FUNCTION one of";
    for (const auto& [name, _] : functions())
      std::cerr << ' ' << name;
    std::cerr << '\n';
    return 2;
  }
  dvar::weights::write_safetensors(
      words[3], chosen->second({words[1], words[2], in_double ? at::kDouble : at::kFloat}));
  return 0;
} catch (const std::exception& error) {
  std::cerr << "parity_compute: " << error.what() << '\n';
  return 1;
}
