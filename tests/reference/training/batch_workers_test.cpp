#include "training/batch_workers.hpp"

#include <atomic>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dvar::training {
namespace {

using testing::ThrowsMessage;

TEST(batch_workers_test, shares_cover_the_batch_in_order) {
  for (const std::int64_t workers : {1, 2, 3, 4}) {
    const batch_workers made{workers};
    for (const std::int64_t size : {1, 2, 4, 5, 8, 11}) {
      const std::vector<batch_share> shares = made.shares(size);
      EXPECT_EQ(shares.size(), static_cast<std::size_t>(std::min(workers, size)));
      std::int64_t next = 0;
      for (const batch_share& share : shares) {
        EXPECT_EQ(share.first, next);
        EXPECT_GE(share.count, size / workers);
        next += share.count;
      }
      EXPECT_EQ(next, size);
    }
  }
}

TEST(batch_workers_test, shares_of_a_size_leave_the_rest_to_the_last) {
  const auto counts = [](std::int64_t size, std::int64_t each) {
    std::vector<std::int64_t> found;
    std::int64_t next = 0;
    for (const batch_share& share : shares_of_size(size, each)) {
      EXPECT_EQ(share.first, next);
      next += share.count;
      found.push_back(share.count);
    }
    return found;
  };
  EXPECT_THAT(counts(6, 2), testing::ElementsAre(2, 2, 2));
  EXPECT_THAT(counts(5, 2), testing::ElementsAre(2, 2, 1));
  EXPECT_THAT(counts(3, 4), testing::ElementsAre(3));
}

TEST(batch_workers_test, a_share_is_a_view_of_its_elements) {
  const at::Tensor batch = torch::arange(6).view({3, 2});
  EXPECT_TRUE(
      at::equal(batch_share{.first = 1, .count = 2}.of(batch), torch::tensor({2, 3, 4, 5}).view({2, 2})));
}

TEST(batch_workers_test, work_side_by_side) {
  const batch_workers workers{3};
  for (int round = 0; round < 100; ++round) {
    // Nobody returns before all have begun.
    std::atomic<int> begun = 0;
    std::vector<std::thread::id> threads(3);
    workers.run(3, [&](std::size_t i) {
      threads[i] = std::this_thread::get_id();
      ++begun;
      while (begun < 3)
        std::this_thread::yield();
    });
    EXPECT_EQ(threads[0], std::this_thread::get_id());
    EXPECT_NE(threads[1], threads[0]);
    EXPECT_NE(threads[2], threads[1]);
  }
}

TEST(batch_workers_test, take_several_in_turn_where_there_are_fewer_of_them) {
  const batch_workers workers{2};
  std::vector<std::thread::id> threads(5);
  workers.run(5, [&](std::size_t i) { threads[i] = std::this_thread::get_id(); });
  EXPECT_NE(threads[0], threads[1]);
  EXPECT_THAT(threads, testing::ElementsAre(threads[0], threads[1], threads[0], threads[1], threads[0]));
}

TEST(batch_workers_test, go_over_a_map) {
  std::map<std::string, int> squares{{"1", 1}, {"2", 2}, {"3", 3}};
  batch_workers{2}.run_over(squares,
                            [](const std::string& name, int& value) { value = value * std::stoi(name); });
  EXPECT_THAT(squares,
              testing::ElementsAre(testing::Pair("1", 1), testing::Pair("2", 4), testing::Pair("3", 9)));
}

TEST(batch_workers_test, work_in_the_callers_gradient_mode) {
  const batch_workers workers{2};
  std::vector<int> enabled(2);
  const auto look = [&](std::size_t i) { enabled[i] = at::GradMode::is_enabled() ? 1 : 0; };
  workers.run(2, look);
  EXPECT_THAT(enabled, testing::Each(1));
  {
    const at::NoGradGuard no_gradient;
    workers.run(2, look);
  }
  EXPECT_THAT(enabled, testing::Each(0));
}

TEST(batch_workers_test, throw_what_their_work_throws_and_go_on) {
  const batch_workers workers{3};
  for (const std::size_t bad : {0, 1, 2}) {
    std::atomic<int> finished = 0;
    EXPECT_THAT(
        [&] {
          workers.run(3, [&](std::size_t i) {
            if (i >= bad) throw std::runtime_error(std::to_string(i));
            ++finished;
          });
        },
        ThrowsMessage<std::runtime_error>(std::to_string(bad)));
    EXPECT_EQ(finished, static_cast<int>(bad));
  }
  std::atomic<int> finished = 0;
  workers.run(3, [&](std::size_t) { ++finished; });
  EXPECT_EQ(finished, 3);
}

TEST(batch_workers_test, divide_the_threads_of_lib_torch_and_give_them_back) {
  const int before = at::get_num_threads();
  at::set_num_threads(6);
  EXPECT_EQ(batch_workers::suitable_count(4, at::kCPU), 4);
  EXPECT_EQ(batch_workers::suitable_count(8, at::kCPU), 6);
  EXPECT_EQ(batch_workers::suitable_count(8, at::kCUDA), 1);
  {
    const batch_workers workers{2};
    std::vector<int> threads(2);
    workers.run(2, [&](std::size_t i) { threads[i] = at::get_num_threads(); });
    EXPECT_THAT(threads, testing::Each(3));
  }
  EXPECT_EQ(at::get_num_threads(), 6);
  at::set_num_threads(before);
}

TEST(batch_workers_test, refuse_what_cannot_be) {
  EXPECT_THAT([] { batch_workers{0}; },
              ThrowsMessage<std::invalid_argument>("batch_workers: there must be at least 1"));
}

}  // namespace
}  // namespace dvar::training
