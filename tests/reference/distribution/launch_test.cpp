#include "distribution/launch.hpp"

#include <gtest/gtest.h>

#include "distribution/as_rank.hpp"
#include "environment.hpp"
#include "error.hpp"

namespace dvar::distribution {
namespace {

TEST(launch_test, a_process_of_its_own) {
  const launched_as nobody{{}};
  EXPECT_EQ(launch_of_this_process().processes, 1);
  EXPECT_EQ(launch_of_this_process().variable, "");
}

TEST(launch_test, every_launcher_says_how_many_it_started) {
  for (const char* const variable : launch_variables) {
    const launched_as three{{{variable, "3"}, {"SLURM_PROCID", "0"}}};
    EXPECT_EQ(launch_of_this_process().processes, 3) << variable;
    EXPECT_EQ(launch_of_this_process().variable, variable);
  }
}

// Open MPI's daemons are a job step of Slurm's, one on each machine.
TEST(launch_test, open_mpi_counts_before_slurm) {
  const launched_as both{
      {{"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_PROCID", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}}};
  EXPECT_EQ(launch_of_this_process().processes, 1);
}

TEST(launch_test, a_child_of_a_task_of_slurm_is_of_its_own) {
  const launched_as child{{{"SLURM_STEP_NUM_TASKS", "2"}}};
  EXPECT_EQ(launch_of_this_process().processes, 1);
}

TEST(launch_test, what_is_no_number_is_no_launcher) {
  for (const char* const value : {"", "many", "0", "-2", "3x"}) {
    const launched_as odd{{{"PMI_SIZE", value}}};
    EXPECT_EQ(launch_of_this_process().processes, 1) << value;
  }
}

// These are the functions of a build without MPI, whatever this one has.
TEST(without_mpi_test, one_process_runs_and_several_are_refused) {
  bool ran = false;
  const auto work = [&](const training::rank_group& group) { ran = group.size() == 1; };
  {
    const launched_as alone{{{"OMPI_COMM_WORLD_SIZE", "1"}}};
    as_rank(work);
    EXPECT_TRUE(ran);
  }
  ran = false;
  const launched_as two{{{"OMPI_COMM_WORLD_SIZE", "2"}}};
  try {
    as_rank(work);
    FAIL() << "expected a refusal";
  } catch (const input_error& error) {
    EXPECT_STREQ(
        error.what(),
        "OMPI_COMM_WORLD_SIZE=2: expected a single process, for this dvar was built without MPI; start it without a launcher, or build it where there is an MPI");
  }
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace dvar::distribution
