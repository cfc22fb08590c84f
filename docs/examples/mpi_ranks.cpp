// Data-parallel training whose ranks stop at the same step, although each sees a loss of its own.
//
// Every rank has its own data, so its own probe loss; the last one's is twice as large. The rule is shown the mean over
// the ranks. One rank also meets a NaN if told to ("nan"); then all of them stop, for the reason of one.

#include <cmath>
#include <cstddef>
#include <iostream>
#include <random>
#include <string>
#include <utility>

#include <mpi.h>

#include <dvar/dvar.hpp>

int ranks() {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

double all_reduce(double mine, MPI_Op operation) {
  double all = 0.0;
  MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, operation, MPI_COMM_WORLD);
  return all;
}

double mean_over_ranks(double mine) {
  return all_reduce(mine, MPI_SUM) / ranks();
}

double maximum_over_ranks(double mine) {
  return all_reduce(mine, MPI_MAX);
}

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const bool meet_nan = argc > 1 && std::string(argv[1]) == "nan";

  double weight = 1.0;
  std::mt19937_64 engine{static_cast<unsigned>(rank)};
  std::size_t step = 0;

  const double scale = rank == ranks() - 1 ? 2.0 : 1.0;
  dvar::deterministic_probe probe{
      dvar::sources(dvar::fixed([](std::mt19937_64& g) { return std::normal_distribution<double>()(g); })),
      [&](double x) {
        return meet_nan && rank == 1 && step == 100 ? std::nan("") : scale * weight * weight * x * x;
      },
      dvar::no_isolation{}, std::mt19937_64{static_cast<unsigned>(rank)}};
  dvar::convergence_monitor monitor{
      std::move(probe), dvar::any_of{dvar::agreed{maximum_over_ranks, dvar::non_finite{}},
                                     dvar::reduced{mean_over_ranks, dvar::variance_ratio{dvar::presets::v2}},
                                     dvar::step_limit{6100}}};

  do {
    const double gradient = weight + std::normal_distribution<double>(0.0, 0.1)(engine);
    weight -= 0.01 * mean_over_ranks(gradient);
    ++step;
  } while (!monitor.after_step(step).stop);

  const double first = all_reduce(static_cast<double>(step), MPI_MIN);
  const double last = all_reduce(static_cast<double>(step), MPI_MAX);
  std::string line = "rank " + std::to_string(rank) + ", probe loss " +
                     std::to_string(*monitor.records().back()["probe_loss"]) + ": stopped by " +
                     std::string(monitor.latest().rule);
  // One rank speaks for all: what several write at once comes in any order.
  constexpr int longest = 128;
  line.resize(longest, ' ');
  std::string lines(static_cast<std::size_t>(ranks() * longest), ' ');
  MPI_Gather(line.data(), longest, MPI_CHAR, lines.data(), longest, MPI_CHAR, 0, MPI_COMM_WORLD);
  if (rank == 0) {
    for (std::size_t begin = 0; begin < lines.size(); begin += longest)
      std::cout << lines.substr(begin, lines.find_last_not_of(' ', begin + longest - 1) + 1 - begin) << '\n';
    std::cout << (first == last ? "all " : "NOT all ") << ranks() << " ranks stopped at step " << step
              << '\n';
  }
  MPI_Finalize();
  return first == last ? 0 : 1;
}
