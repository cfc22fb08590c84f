// All headers in a program without exceptions: reads a trace whose last line was cut off.

#include <sstream>

#include <dvar/dvar.hpp>

static_assert(DVAR_VERSION_NUMBER >= 100);

int main() {
  std::istringstream file{"{\"step\":1,\"loss\":2.5}\n{\"step\":2,\"loss\":2"};
  const dvar::trace records = dvar::read_json_lines(file);
  return records.size() == 1 && records.back()["loss"] == 2.5 ? 0 : 1;
}
