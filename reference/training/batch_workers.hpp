#pragma once

#include <functional>
#include <vector>

#include "torch.hpp"

namespace dvar::training {

/// Names some neighboring elements of a batch.
struct batch_share {
  std::int64_t first = 0;
  std::int64_t count = 0;

  at::Tensor of(const at::Tensor& batch) const { return batch.narrow(/*dim=*/0, first, count); }
};

/// Returns share `index` of a batch of `size` that is divided into `count` nearly equal shares, in order. It
/// is empty only where there are more shares than elements.
batch_share share_of(std::int64_t size, std::int64_t index, std::int64_t count);

/// Divides a batch of `size` into shares of `each`, in order; the last one is what is left.
std::vector<batch_share> shares_of_size(std::int64_t size, std::int64_t each);

/// Runs threads that take a share of a batch each, on a CPU.
///
/// Left to itself, LibTorch divides every operation among its threads. An operation of a small network
/// takes microseconds, of which the threads spend most on waiting for each other. Shares of a batch meet
/// once a batch.
class batch_workers {
 public:
  /// Starts `count - 1` threads beside the calling one. They divide LibTorch's threads among themselves:
  /// with 8 of these, 4 workers have 2 each. The number of LibTorch's threads is what it was when the object
  /// is gone.
  explicit batch_workers(std::int64_t count = 1);
  batch_workers(const batch_workers&) = delete;
  batch_workers& operator=(const batch_workers&) = delete;
  ~batch_workers();

  /// Returns how many workers can be busy: LibTorch's threads, or the shares that there can be if these are
  /// fewer; one unless `device` is a CPU.
  static std::int64_t suitable_count(std::int64_t most_shares, const at::Device& device);

  /// Divides a batch of `size` into nearly equal shares, in order, none of them empty.
  std::vector<batch_share> shares(std::int64_t size) const;

  /// Calls `work(i)` for every i below `count`, side by side, in the calling thread's gradient mode. Where there are
  /// fewer workers, each takes several in turn, and none after one that threw. Returns when all have returned; then throws
  /// what the first worker of those threw.
  void run(std::size_t count, const std::function<void(std::size_t)>& work) const;

  /// Calls `work(key, value)` for every entry of a map likewise.
  template <typename Map, typename Work>
  void run_over(Map& entries, const Work& work) const {
    std::vector<decltype(&*entries.begin())> each;
    for (auto& entry : entries)
      each.push_back(&entry);
    run(each.size(), [&](std::size_t i) { work(each[i]->first, each[i]->second); });
  }

 private:
  struct worker;
  std::vector<std::unique_ptr<worker>> helpers_;
  int threads_before_;
};

}  // namespace dvar::training
