#pragma once

namespace dvar::training {

/// Sets the number of threads that an operation called from this thread is divided among: LibTorch's, and OpenBLAS's if
/// LibTorch was built on it, as Debian's is. OpenBLAS keeps threads of its own, one per processor, which
/// `at::set_num_threads` does not reach; they hinder each other as soon as two threads multiply matrices.
void set_operation_threads(int count);

/// Returns how many processors this process may use, at least 1.
int usable_processors();

}  // namespace dvar::training
