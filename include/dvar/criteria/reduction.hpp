#pragma once

#include <concepts>

namespace dvar::inline v0_2 {

/// Requires a function by which the ranks of a distributed run come to one number: it is called on all of
/// them with a number each, and returns the same number on each of them. With MPI, over doubles:
///
///     [](double mine) {
///       MPI_Allreduce(MPI_IN_PLACE, &mine, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
///       return mine / ranks;
///     }
template <class R>
concept reduction = std::copy_constructible<R> && requires(R& reduce, double mine) {
  { reduce(mine) } -> std::convertible_to<double>;
};

}  // namespace dvar::inline v0_2
