#include "models/dropout.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

#include "models/low_rank.hpp"

namespace dvar::models {
namespace {

std::uint64_t mixed(std::uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9U;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebU;
  return number ^ (number >> 31);
}

/// Decides about one element by unsigned arithmetic.
bool is_kept(std::uint64_t key, std::uint64_t salt, std::uint64_t place, double dropout) {
  const std::uint64_t number = mixed(mixed(key ^ salt) + (place + 1) * 0x9e3779b97f4a7c15U);
  // Signed numbers are compared: the lowest of them is the lowest here too.
  const std::uint64_t ordered = number ^ (std::uint64_t{1} << 63);
  return static_cast<double>(ordered) < (1.0 - dropout) * 0x1p64;
}

TEST(dropout_test, mixes_as_splitmix64_does) {
  // Those of the seed 1234567 in Rosetta Code's "Pseudo-random numbers/Splitmix64".
  const std::vector<std::uint64_t> published{6457827717110365317U, 3203168211198807973U,
                                             9817491932198370423U};
  for (std::uint64_t i = 0; i < published.size(); ++i)
    EXPECT_EQ(mixed(1234567 + (i + 1) * 0x9e3779b97f4a7c15U), published[i]);
}

TEST(dropout_test, decides_by_key_salt_and_place) {
  const std::vector<std::int64_t> keys{-5, 0, 0x7123456789abcdef};
  const std::uint64_t salt = 0xfedcba9876543210U;
  const at::Tensor kept = kept_elements({3, 4, 5}, 0.3, torch::tensor(keys), salt);
  for (std::int64_t i = 0; i < 3; ++i) {
    const at::Tensor mine = kept[i].flatten();
    for (std::int64_t place = 0; place < 20; ++place) {
      EXPECT_EQ(mine[place].item<bool>(),
                is_kept(static_cast<std::uint64_t>(keys[static_cast<std::size_t>(i)]), salt,
                        static_cast<std::uint64_t>(place), 0.3))
          << i << " " << place;
    }
  }
}

TEST(dropout_test, keeps_as_many_as_it_says) {
  const at::Tensor keys = torch::arange(40);
  for (const double dropout : {0.05, 0.5, 0.9}) {
    const at::Tensor kept = kept_elements({40, 50, 60}, dropout, keys, salt_of("a layer")).to(at::kDouble);
    // The deviation of a mean of 120,000 draws is at most 0.0015.
    EXPECT_NEAR(kept.mean().item<double>(), 1.0 - dropout, 0.007);
    // Neighbors, inputs and layers have nothing in common: the deviation of these products is the same.
    const at::Tensor apart = kept - (1.0 - dropout);
    const at::Tensor other = kept_elements({40, 50, 60}, dropout, keys, salt_of("another layer"));
    for (const at::Tensor& shifted :
         {apart.roll(1, 2), apart.roll(1, 1), apart.roll(1, 0), other.to(at::kDouble) - (1.0 - dropout)})
      EXPECT_NEAR((apart * shifted).mean().item<double>(), 0.0, 0.007);
  }
}

TEST(dropout_test, does_not_hang_on_the_batch) {
  const at::Tensor keys = torch::tensor({3, 4, 5});
  const at::Tensor all = kept_elements({3, 7, 2}, 0.5, keys, 9);
  EXPECT_TRUE(at::equal(all.narrow(0, 1, 2), kept_elements({2, 7, 2}, 0.5, keys.narrow(0, 1, 2), 9)));
}

TEST(dropout_test, scales_what_stays) {
  const at::Tensor keys = torch::tensor({3, 4});
  const at::Tensor input = torch::rand({2, 30}, at::kDouble) + 0.5;
  const at::Tensor kept = kept_elements({2, 30}, 0.75, keys, 1);
  const at::Tensor dropped = dropped_out(input, 0.75, keys, 1);
  EXPECT_TRUE(at::equal(dropped, at::where(kept, input * 4.0, at::zeros_like(input))));
  EXPECT_TRUE(at::equal(dropped_out(input, 0.0, keys, 1), input));
  EXPECT_TRUE(kept_elements({2, 30}, 1e-30, keys, 1).all().item<bool>());
  EXPECT_EQ(dropped_out(input.to(at::kBFloat16), 0.5, keys, 1).scalar_type(), at::kBFloat16);
}

TEST(dropout_test, wants_a_key_for_each_input) {
  EXPECT_THROW(kept_elements({3, 2}, 0.5, torch::tensor({1, 2}), 0), std::invalid_argument);
  EXPECT_THROW(kept_elements({2, 2}, 0.5, torch::ones({2, 2}, at::kLong), 0), std::invalid_argument);
}

TEST(dropout_test, counts_on_shapes_alone) {
  const at::Tensor input = torch::empty({2, 3}, at::kMeta);
  const at::Tensor keys = torch::empty({2}, at::TensorOptions{at::kMeta}.dtype(at::kLong));
  EXPECT_EQ(dropped_out(input, 0.5, keys, 0).sizes(), input.sizes());
}

}  // namespace
}  // namespace dvar::models
