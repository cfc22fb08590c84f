// copy_safetensors FROM TO [FROM TO]…: reads each file through tensor_file, writes it through
// write_safetensors, and prints a line: "copied", or why it was refused. Exits with 1 if any was refused.
#include <iostream>

#include "error.hpp"
#include "weights/safetensors.hpp"
#include "weights/tensor_file.hpp"

int main(int count, char** arguments) {
  int status = 0;
  for (int i = 1; i + 1 < count; i += 2) {
    try {
      const dvar::weights::tensor_file file(arguments[i]);
      std::map<std::string, at::Tensor> tensors;
      for (const auto& name : file.names())
        tensors.emplace(name, file.tensor(name));
      dvar::weights::write_safetensors(arguments[i + 1], tensors, file.metadata());
      std::cout << "copied\n";
    } catch (const dvar::input_error& error) {
      std::cout << error.what() << '\n';
      status = 1;
    }
  }
  return status;
}
