#include <cstddef>
#include <numeric>
#include <random>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/probe/chunked.hpp>
#include <dvar/probe/deterministic_probe.hpp>

namespace dvar {
namespace {

TEST(chunked_test, weighs_each_chunk_by_its_size) {
  std::vector<std::pair<std::size_t, std::size_t>> chunks;
  const std::vector<double> losses{1, 2, 3, 4, 5, 6, 7, 8, 9, 100};
  chunked loss{10, 4, [&](std::size_t first, std::size_t last, const std::vector<double>& x) {
                 chunks.emplace_back(first, last);
                 const auto part = std::span(x).subspan(first, last - first);
                 return std::reduce(part.begin(), part.end()) / static_cast<double>(part.size());
               }};
  EXPECT_DOUBLE_EQ(loss(losses), 14.5);
  EXPECT_THAT(chunks, testing::ElementsAre(testing::Pair(0, 4), testing::Pair(4, 8), testing::Pair(8, 10)));
}

TEST(chunked_test, a_chunk_that_holds_the_batch_is_the_loss_itself) {
  for (const std::size_t chunk : {3, 100}) {
    chunked loss{3, chunk,
                 [](std::size_t first, std::size_t last) { return 0.1 * static_cast<double>(last - first); }};
    EXPECT_DOUBLE_EQ(loss(), 0.1 * 3);
  }
}

TEST(chunked_test, a_probe_evaluates_512_items_four_at_a_time) {
  std::size_t largest = 0;
  std::size_t calls = 0;
  deterministic_probe probe{
      sources(resampled([](std::mt19937_64& g) {
                std::vector<double> batch(512);
                for (double& x : batch)
                  x = std::normal_distribution<double>()(g);
                return batch;
              }),
              fixed([] { return 2.0; })),
      chunked{512, 4, [&](std::size_t first, std::size_t last, const std::vector<double>& x, double offset) {
                largest = std::max(largest, last - first);
                ++calls;
                return std::reduce(x.begin() + static_cast<std::ptrdiff_t>(first),
                                   x.begin() + static_cast<std::ptrdiff_t>(last)) /
                           static_cast<double>(last - first) +
                       offset;
              }}};
  // The mean of 512 normal deviates lies within 6 of their standard deviation over sqrt(512), 0.27.
  EXPECT_NEAR(probe(), 2.0, 0.27);
  EXPECT_EQ(largest, 4U);
  EXPECT_EQ(calls, 128U);
}

TEST(chunked_test, refuses_empty_chunks) {
  const auto loss = [](std::size_t, std::size_t) { return 0.0; };
  EXPECT_THAT([&] { chunked(0, 4, loss); }, testing::ThrowsMessage<std::invalid_argument>(
                                                "chunked: batch and chunk must be at least 1, not 0"));
  EXPECT_THROW(chunked(4, 0, loss), std::invalid_argument);
}

}  // namespace
}  // namespace dvar
