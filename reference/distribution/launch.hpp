#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace dvar::distribution {

/// Names the environment variables by which a launcher tells a process how many it has started, in the order
/// in which they count: Open MPI's mpirun; MPICH's, Intel's and `srun --mpi=pmi2`; a job step of Slurm, which
/// has started Open MPI's daemons where the first is there too.
inline constexpr std::array<const char*, 3> launch_variables{"OMPI_COMM_WORLD_SIZE", "PMI_SIZE",
                                                             "SLURM_STEP_NUM_TASKS"};

/// Says how this process was started.
struct launch {
  std::int64_t processes = 1;  ///< this one included
  std::string variable{};      ///< the one that says so; empty if none does
};

/// Reads the environment; starts nothing. A child of a task of Slurm that is to run by itself is started without
/// `SLURM_PROCID`, whatever else it finds.
launch launch_of_this_process();

}  // namespace dvar::distribution
