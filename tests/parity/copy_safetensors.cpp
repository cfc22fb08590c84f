// copy_safetensors FROM TO: reads a file through safetensors_file and writes it through write_safetensors.
#include "weights/safetensors.hpp"

#include <exception>
#include <iostream>

int main(int count, char** arguments) try {
  if (count != 3) {
    std::cerr << "usage: copy_safetensors FROM TO\n";
    return 2;
  }
  const dvar::weights::safetensors_file file(arguments[1]);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& name : file.names())
    tensors.emplace(name, file.tensor(name));
  dvar::weights::write_safetensors(arguments[2], tensors, file.metadata());
  return 0;
} catch (const std::exception& error) {
  std::cerr << "copy_safetensors: " << error.what() << '\n';
  return 1;
}
