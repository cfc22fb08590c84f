// This is the only file that knows of MPI.

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <mpi.h>

#include "distribution/as_rank.hpp"
#include "distribution/launch.hpp"
#include "distribution/processor_share.hpp"
#include "error.hpp"

namespace dvar::distribution {
namespace {

// MPI's own errors end the processes of all ranks: that is MPI_ERRORS_ARE_FATAL, its default.

int rank_in(MPI_Comm communicator) {
  int rank = 0;
  MPI_Comm_rank(communicator, &rank);
  return rank;
}

int size_of(MPI_Comm communicator) {
  int size = 0;
  MPI_Comm_size(communicator, &size);
  return size;
}

/// Returns `Open MPI v4.1.4`, without what follows it.
std::string library_name() {
  std::string name(MPI_MAX_LIBRARY_VERSION_STRING, '\0');
  int length = 0;
  MPI_Get_library_version(name.data(), &length);
  return name.substr(0, std::min(name.find(','), static_cast<std::size_t>(length)));
}

/// Starts MPI, and ends it when it is destroyed.
class session {
 public:
  session() {
    int provided = 0;
    // Only the calling thread communicates; others compute.
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  }
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  ~session() { MPI_Finalize(); }
};

/// Finds the ranks of one machine.
class neighbors {
 public:
  neighbors() {
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, /*key=*/0, MPI_INFO_NULL, &communicator_);
  }
  neighbors(const neighbors&) = delete;
  neighbors& operator=(const neighbors&) = delete;
  ~neighbors() { MPI_Comm_free(&communicator_); }

  int rank() const { return rank_in(communicator_); }

  int processors() const {
    cpu_set_t mine;
    CPU_ZERO(&mine);
    sched_getaffinity(0, sizeof(mine), &mine);
    std::vector<cpu_set_t> all(static_cast<std::size_t>(size_of(communicator_)));
    MPI_Allgather(&mine, sizeof(mine), MPI_BYTE, all.data(), sizeof(mine), MPI_BYTE, communicator_);
    return processor_share(all, static_cast<std::size_t>(rank()));
  }

 private:
  MPI_Comm communicator_ = MPI_COMM_NULL;
};

class mpi_group final : public training::rank_group {
 public:
  mpi_group() : processors_{neighbors_.processors()} {}

  std::int64_t rank() const override { return rank_in(MPI_COMM_WORLD); }
  std::int64_t size() const override { return size_of(MPI_COMM_WORLD); }
  std::int64_t local_rank() const override { return neighbors_.rank(); }
  int processors() const override { return processors_; }

  at::Tensor all_gather(const at::Tensor& mine) const override {
    at::Tensor all = torch::empty({size(), mine.numel()}, at::kDouble);
    const int count = static_cast<int>(mine.numel());
    MPI_Allgather(mine.data_ptr<double>(), count, MPI_DOUBLE, all.data_ptr<double>(), count, MPI_DOUBLE,
                  MPI_COMM_WORLD);
    return all;
  }

  using rank_group::broadcast;
  void broadcast(std::span<std::byte> bytes) const override {
    MPI_Bcast(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, /*root=*/0, MPI_COMM_WORLD);
  }

 private:
  neighbors neighbors_;
  int processors_;
};

[[noreturn]] void end_all(const training::rank_group& group, const std::string& message, int status) {
  // The first rank says what all ranks meet alike, such as a wrong option: it has ended the others by then.
  if (!group.is_first()) std::this_thread::sleep_for(std::chrono::seconds{1});
  fmt::print(stderr, "dvar: rank {} of {}: {}\n", group.rank(), group.size(), message);
  std::fflush(stderr);
  MPI_Abort(MPI_COMM_WORLD, status);
  std::abort();
}

}  // namespace

void as_rank(const std::function<void(const training::rank_group&)>& work) {
  const launch found = launch_of_this_process();
  if (found.processes == 1) return work(training::single_rank());
  const session opened;
  if (size_of(MPI_COMM_WORLD) != found.processes) {
    throw input_error(fmt::format(
        "{}={}: expected a group of as many processes, found one of {}; this dvar needs a launcher for {}, such as its mpirun or srun --mpi=pmix",
        found.variable, found.processes, size_of(MPI_COMM_WORLD), library_name()));
  }
  const mpi_group group;
  try {
    work(group);
  } catch (const input_error& error) {
    end_all(group, error.what(), 1);
  } catch (const std::exception& error) {
    end_all(group, std::string{"internal error: "}.append(error.what()), 3);
  }
}

}  // namespace dvar::distribution
