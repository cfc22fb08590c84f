#pragma once

#include <optional>
#include <span>
#include <string>

#include "torch.hpp"

namespace dvar::training {

/// Joins the processes that learn one embedding together, each on a device of its own: ranks 0 to size() - 1.
///
/// What is said to communicate is called by all ranks, in the same order; a rank that waits for one that
/// never calls waits for ever. Results are the same bits on every rank: numbers are gathered and then added
/// up in the order of the ranks, in float64, whatever the machines between them.
class rank_group {
 public:
  rank_group() = default;
  rank_group(const rank_group&) = delete;
  rank_group& operator=(const rank_group&) = delete;
  virtual ~rank_group() = default;

  virtual std::int64_t rank() const = 0;
  virtual std::int64_t size() const = 0;
  /// Returns the rank among those of the same machine.
  virtual std::int64_t local_rank() const = 0;
  /// Returns how many processors this rank may keep busy, at least 1: those that it shares with ranks of its
  /// machine are divided.
  virtual int processors() const = 0;

  /// Returns everyone's `mine`, float64 [n] on the CPU with the same n, as float64 [size(), n]. Communicates.
  virtual at::Tensor all_gather(const at::Tensor& mine) const = 0;
  /// Replaces the bytes by those of the first rank, of which there are as many. Communicates.
  virtual void broadcast(std::span<std::byte> bytes) const = 0;

  /// Returns whether this rank speaks for all: it alone writes files and reports progress.
  bool is_first() const { return rank() == 0; }

  /// Returns the sum over the ranks of a tensor of any floating-point type, with its shape, type and
  /// device. Communicates.
  at::Tensor all_reduce_sum(const at::Tensor& mine) const;
  /// Returns the sum over the ranks. Communicates.
  double all_reduce_sum(double mine) const;
  /// Returns whether it is true of one rank at least. Communicates.
  bool all_reduce_any(bool mine) const;
  /// Overwrites the tensor's elements by those of the first rank's, of the same shape and type. Communicates.
  void broadcast(const at::Tensor& values) const;
  /// Replaces the text by the first rank's, of any length. Communicates.
  void broadcast(std::string& text) const;
  /// Returns the first rank whose text is not the same as that of rank 0, if there is one. Communicates.
  std::optional<std::int64_t> first_that_differs(const std::string& text) const;
};

/// Returns the group of a process by itself, for which communicating costs nothing.
const rank_group& single_rank();

}  // namespace dvar::training
