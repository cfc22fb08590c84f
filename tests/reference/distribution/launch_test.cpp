#include "distribution/launch.hpp"

#include <gtest/gtest.h>

#include "distribution/as_rank.hpp"
#include "environment.hpp"
#include "error.hpp"

namespace dvar::distribution {
namespace {

TEST(Launch, AProcessOfItsOwn) {
  const launched_as nobody{{}};
  EXPECT_EQ(launch_of_this_process().processes, 1);
  EXPECT_EQ(launch_of_this_process().variable, "");
}

TEST(Launch, EveryLauncherSaysHowManyItStarted) {
  for (const char* const variable : launch_variables) {
    const launched_as three{{{variable, "3"}, {"SLURM_PROCID", "0"}}};
    EXPECT_EQ(launch_of_this_process().processes, 3) << variable;
    EXPECT_EQ(launch_of_this_process().variable, variable);
  }
}

// Open MPI's daemons are a job step of Slurm's, one on each machine.
TEST(Launch, OpenMpiCountsBeforeSlurm) {
  const launched_as both{
      {{"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_PROCID", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}}};
  EXPECT_EQ(launch_of_this_process().processes, 1);
}

TEST(Launch, AChildOfATaskOfSlurmIsOfItsOwn) {
  const launched_as child{{{"SLURM_STEP_NUM_TASKS", "2"}}};
  EXPECT_EQ(launch_of_this_process().processes, 1);
}

TEST(Launch, WhatIsNoNumberIsNoLauncher) {
  for (const char* const value : {"", "many", "0", "-2", "3x"}) {
    const launched_as odd{{{"PMI_SIZE", value}}};
    EXPECT_EQ(launch_of_this_process().processes, 1) << value;
  }
}

// These are the functions of a build without MPI, whatever this one has.
TEST(WithoutMpi, OneProcessRunsAndSeveralAreRefused) {
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
        "OMPI_COMM_WORLD_SIZE=2: expected a single process, for this dvar was built without MPI; start "
        "it without a launcher, or build it where there is an MPI");
  }
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace dvar::distribution
