// Three ranks of a distributed run come to one verdict. The ranks are threads here, so that this program needs no
// MPI; with MPI, the body of `sum` is one call of MPI_Allreduce.

#include <array>
#include <barrier>
#include <cmath>
#include <iostream>
#include <thread>
#include <vector>

#include <dvar/dvar.hpp>

#include "falling_loss.hpp"

constexpr std::size_t ranks = 3;

class communicator {
 public:
  /// Returns the sum, the same on every rank: all of them call it, and each waits for the others.
  double sum(std::size_t rank, double mine) {
    values_[rank] = mine;
    barrier_.arrive_and_wait();
    const double total = values_[0] + values_[1] + values_[2];
    barrier_.arrive_and_wait();
    return total;
  }

 private:
  std::array<double, ranks> values_{};
  std::barrier<> barrier_{ranks};
};

int main() {
  communicator world;
  std::array<std::size_t, ranks> alone{};
  std::array<std::size_t, ranks> together{};
  const auto train = [&](std::size_t rank) {
    const auto mean_over_ranks = [&, rank](double mine) { return world.sum(rank, mine) / ranks; };
    // Each rank has a loss of its own.
    const double time = 60.0 + 40.0 * static_cast<double>(rank);
    const auto losses = losses_of(2000, [time](int t) { return 0.2 + 0.8 * std::exp(-t / time); });

    const dvar::any_of stops{dvar::variance_ratio{dvar::presets::v2}, dvar::step_limit{2000}};
    dvar::reduced rule{mean_over_ranks, stops};
    std::size_t step = 0;
    while (!rule.observe(losses[step], step + 1).stop)
      ++step;
    together[rank] = step + 1;
    alone[rank] = *dvar::replay(losses, stops).stopped_at;
  };
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < ranks; ++rank)
    threads.emplace_back(train, rank);
  for (std::thread& thread : threads)
    thread.join();
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    std::cout << "rank " << rank << ": together at " << together[rank] << ", alone it would have been at "
              << alone[rank] << '\n';
  }
}
