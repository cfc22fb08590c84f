// Shows made-up series of losses to stopping rules, and counts their wrong stops: docs/evidence/stress.md.

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <span>
#include <stdexcept>
#include <vector>

#include "command_line.hpp"
#include "suite.hpp"
#include "tally_csv.hpp"

namespace {

/// Writes the table beside its place first, and moves it there when it is whole.
void write_file(const std::filesystem::path& path, std::span<const dvar::stress::tally> tallies) {
  std::filesystem::path beside = path;
  beside += ".part";
  std::ofstream file{beside};
  dvar::stress::write_csv(file, tallies);
  file.close();
  if (!file) {
    std::error_code ignored;
    std::filesystem::remove(beside, ignored);
    throw std::runtime_error("--output: cannot write " + path.string());
  }
  std::filesystem::rename(beside, path);
}

}  // namespace

int main(int count, char** arguments) try {
  const std::vector<const char*> given(arguments + 1, arguments + count);
  const dvar::stress::command_line asked = dvar::stress::parse_command_line(given);
  if (asked.wants_help) {
    std::cout << dvar::stress::usage();
    return 0;
  }
  const auto tallies = dvar::stress::run_suite(asked.kinds, asked.rules, asked.suite);
  if (asked.output) {
    write_file(*asked.output, tallies);
    return 0;
  }
  dvar::stress::write_csv(std::cout, tallies);
  return std::cout.flush() ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << "stress_suite: " << error.what() << '\n';
  return 1;
}
