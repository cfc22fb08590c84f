// Calls both files.

#include <cstdio>

#include "mixed_flags.hpp"

int main() {
  const double with = error_with_vectors();
  const double without = error_without_vectors();
  std::printf("errors %g and %g\n", with, without);
  return with < 1e-12 && without < 1e-12 ? 0 : 1;
}
