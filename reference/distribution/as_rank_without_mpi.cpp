#include <fmt/format.h>

#include "distribution/as_rank.hpp"
#include "distribution/launch.hpp"
#include "error.hpp"

namespace dvar::distribution {

void as_rank(const std::function<void(const training::rank_group&)>& work) {
  if (const launch found = launch_of_this_process(); found.processes > 1) {
    throw input_error(fmt::format(
        "{}={}: expected a single process, for this dvar was built without MPI; start it without a launcher, or build it where there is an MPI",
        found.variable, found.processes));
  }
  work(training::single_rank());
}

}  // namespace dvar::distribution
