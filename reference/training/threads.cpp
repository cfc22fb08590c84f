#include "training/threads.hpp"

#include <ATen/Parallel.h>
#include <sched.h>

// The symbol is weak: it is there if the BLAS that LibTorch brings into the process is OpenBLAS.
extern "C" [[gnu::weak]] void openblas_set_num_threads(int count);

namespace dvar::training {

void set_operation_threads(int count) {
  at::set_num_threads(count);
  if (openblas_set_num_threads != nullptr) openblas_set_num_threads(count);
}

int usable_processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  return sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
}

}  // namespace dvar::training
