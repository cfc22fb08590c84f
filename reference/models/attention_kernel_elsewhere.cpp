#include <cstdlib>

#include "models/attention_kernel.hpp"

// For processors without the instructions that attention_kernel.cpp is written in: nobody asks further.

namespace dvar::models {

bool has_attention_kernel() {
  return false;
}

std::int64_t attention_scratch(const attention_sizes&) {
  return 0;
}

void attention_forward(const attention_sizes&, const float*, const float*, const float*, float*, float*,
                       float*) {
  std::abort();
}

void attention_backward(const attention_sizes&, const float*, const float*, const float*, const float*,
                        const float*, const float*, float*, float*, float*, float*) {
  std::abort();
}

}  // namespace dvar::models
