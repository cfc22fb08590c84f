// Draws the pictures of docs/criteria and docs/pitfalls.md: the criteria themselves, over made-up losses.
//
// Usage: draw_figures DIRECTORY

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "figures.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "Usage: draw_figures DIRECTORY\n";
    return EXIT_FAILURE;
  }
  const std::filesystem::path directory = argv[1];
  std::filesystem::create_directories(directory);
  std::size_t count = 0;
  for (const auto& set :
       {figures::scalar_rules(), figures::composed_rules(), figures::vector_rules(), figures::pitfalls()}) {
    for (const figures::picture& shown : set) {
      const auto path = directory / (shown.name + ".svg");
      std::ofstream file(path);
      figures::write_svg(file, shown);
      if (!file.flush()) {
        std::cerr << "cannot write " << path << '\n';
        return EXIT_FAILURE;
      }
      ++count;
    }
  }
  std::cout << count << " pictures in " << directory.string() << '\n';
}
