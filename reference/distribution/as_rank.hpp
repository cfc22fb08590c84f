#pragma once

#include <functional>

#include "training/rank_group.hpp"

namespace dvar::distribution {

/// Calls `work` once, with all processes that a launcher (mpirun, srun) started beside this one as its group.
/// Returns when every rank's has returned. Without a launcher, or with one that started a single process, the
/// group is `training::single_rank()`, and MPI is not touched.
///
/// A `std::exception` that leaves `work` on one of several ranks is written to standard error with the rank's
/// number, and ends the processes of all ranks, with the exit status that `dvar` has for it; others may be
/// waiting for this one. Throws `dvar::input_error` when a launcher has started several processes and they
/// cannot find each other: built without MPI, or another MPI's launcher.
void as_rank(const std::function<void(const training::rank_group&)>& work);

}  // namespace dvar::distribution
