#include "training/threads.hpp"

#include <ATen/Parallel.h>

// Weak: there, if the BLAS that LibTorch brings into the process is OpenBLAS.
extern "C" [[gnu::weak]] void openblas_set_num_threads(int count);

namespace dvar::training {

void set_operation_threads(int count) {
  at::set_num_threads(count);
  if (openblas_set_num_threads != nullptr) openblas_set_num_threads(count);
}

}  // namespace dvar::training
