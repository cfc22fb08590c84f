/// Makes ranks of threads of one process, for tests of what ranks do together.
#pragma once

#include <barrier>
#include <cstring>
#include <exception>
#include <thread>
#include <vector>

#include "training/rank_group.hpp"

namespace dvar::training {

class thread_ranks {
 public:
  explicit thread_ranks(std::int64_t size) : values_(static_cast<std::size_t>(size)), everyone_{size} {}

  /// Calls `work` once on each rank, side by side. One that throws must not leave others waiting.
  template <class Work>
  void run(const Work& work) {
    std::vector<std::exception_ptr> errors(values_.size());
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < values_.size(); ++i) {
        threads.emplace_back([&, i] {
          try {
            work(member{*this, static_cast<std::int64_t>(i)});
          } catch (...) {
            errors[i] = std::current_exception();
          }
        });
      }
    }
    for (const std::exception_ptr& error : errors)
      if (error) std::rethrow_exception(error);
  }

 private:
  class member final : public rank_group {
   public:
    member(thread_ranks& all, std::int64_t rank) : all_{all}, rank_{rank} {}
    std::int64_t rank() const override { return rank_; }
    std::int64_t size() const override { return static_cast<std::int64_t>(all_.values_.size()); }
    std::int64_t local_rank() const override { return rank_; }
    int processors() const override { return 1; }
    at::Tensor all_gather(const at::Tensor& mine) const override {
      all_.values_[static_cast<std::size_t>(rank_)] = mine;
      all_.everyone_.arrive_and_wait();
      at::Tensor gathered = at::stack(all_.values_);
      all_.everyone_.arrive_and_wait();
      return gathered;
    }
    using rank_group::broadcast;
    void broadcast(std::span<std::byte> bytes) const override {
      if (rank_ == 0) all_.bytes_ = bytes;
      all_.everyone_.arrive_and_wait();
      if (rank_ != 0) std::memcpy(bytes.data(), all_.bytes_.data(), bytes.size());
      all_.everyone_.arrive_and_wait();
    }

   private:
    thread_ranks& all_;
    std::int64_t rank_;
  };

  std::vector<at::Tensor> values_;
  std::span<std::byte> bytes_;
  std::barrier<> everyone_;
};

}  // namespace dvar::training
