#include "training/batch_workers.hpp"

#include <algorithm>
#include <exception>
#include <semaphore>
#include <stdexcept>
#include <thread>
#include <utility>

#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>

#include "training/threads.hpp"

namespace dvar::training {

batch_share share_of(std::int64_t size, std::int64_t index, std::int64_t count) {
  const std::int64_t first = index * size / count;
  return {.first = first, .count = (index + 1) * size / count - first};
}

std::vector<batch_share> shares_of_size(std::int64_t size, std::int64_t each) {
  std::vector<batch_share> shares;
  for (std::int64_t first = 0; first < size; first += each)
    shares.push_back({.first = first, .count = std::min(each, size - first)});
  return shares;
}

struct batch_workers::worker {
  explicit worker(int torch_threads) : thread{[this, torch_threads] { serve(torch_threads); }} {}
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;
  ~worker() {
    task = nullptr;
    begin.release();
    thread.join();
  }

  void serve(int torch_threads) {
    // OpenMP keeps the number per calling thread.
    set_operation_threads(torch_threads);
    for (begin.acquire(); task; begin.acquire()) {
      try {
        task();
      } catch (...) {
        error = std::current_exception();
      }
      done.release();
    }
  }

  std::function<void()> task;
  std::exception_ptr error;
  std::binary_semaphore begin{0};
  std::binary_semaphore done{0};
  std::thread thread;  // the last member: it uses the others
};

batch_workers::batch_workers(std::int64_t count) : threads_before_{at::get_num_threads()} {
  if (count < 1) throw std::invalid_argument("batch_workers: there must be at least 1");
  const int each = static_cast<int>(std::max<std::int64_t>(1, threads_before_ / count));
  if (count > 1) set_operation_threads(each);
  for (std::int64_t i = 1; i < count; ++i)
    helpers_.push_back(std::make_unique<worker>(each));
}

batch_workers::~batch_workers() {
  if (helpers_.empty()) return;
  helpers_.clear();
  set_operation_threads(threads_before_);
}

std::int64_t batch_workers::suitable_count(std::int64_t most_shares, const at::Device& device) {
  if (!device.is_cpu()) return 1;
  return std::max<std::int64_t>(1, std::min<std::int64_t>(most_shares, at::get_num_threads()));
}

std::vector<batch_share> batch_workers::shares(std::int64_t size) const {
  const std::int64_t count = std::min(size, static_cast<std::int64_t>(helpers_.size()) + 1);
  std::vector<batch_share> shares;
  for (std::int64_t i = 0; i < count; ++i)
    shares.push_back(share_of(size, i, count));
  return shares;
}

void batch_workers::run(std::size_t count, const std::function<void(std::size_t)>& work) const {
  const std::size_t workers = helpers_.size() + 1;
  const auto in_turn = [&](std::size_t first) {
    for (std::size_t i = first; i < count; i += workers)
      work(i);
  };
  const std::size_t busy = std::min(count, workers);
  const at::ThreadLocalState callers;
  for (std::size_t i = 1; i < busy; ++i) {
    helpers_[i - 1]->task = [&callers, &in_turn, i] {
      const at::ThreadLocalStateGuard as_the_caller{callers};
      in_turn(i);
    };
    helpers_[i - 1]->begin.release();
  }
  std::exception_ptr error;
  try {
    in_turn(0);
  } catch (...) {
    error = std::current_exception();
  }
  for (std::size_t i = 1; i < busy; ++i) {
    helpers_[i - 1]->done.acquire();
    const std::exception_ptr theirs = std::exchange(helpers_[i - 1]->error, nullptr);
    if (!error) error = theirs;
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace dvar::training
