#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/statistics/mean_error.hpp>

#include "../allocations.hpp"
#include "../dependent.hpp"

namespace dvar {
namespace {

using testing::DoubleNear;
using testing::Optional;
using testing::ThrowsMessage;

struct expected_numbers {
  std::size_t count;
  double phi;
  double drift;
  double effective_sample_size;
  double standard_error;
  double split_r_hat;
  double mean;
};

// With ArviZ 0.23.4, `dependent` written in Python as above, and x = dependent(count, phi, drift)[None, :]; ArviZ takes \hat R of two chains
// or more, so the halves are given as two, which is what "split" does:
//   n = count // 2; halves = np.stack([x[0, :n], x[0, -n:]])
//   az.ess(x, method="mean"), az.mcse(x, method="mean"), az.rhat(halves, method="identity"), x.mean()
const std::vector<expected_numbers> by_arviz{
    {310, 0.0, 0.0, 330.7186508807942, 0.015611504378735047, 0.997207644905635, 100.49210027121077},
    {310, 0.9, 0.0, 24.092677070111435, 0.15805791563642582, 1.0101938241295298, 104.78590011273185},
    {101, -0.7, 0.0, 200.0, 0.027581559108068553, 0.9900913905144576, 100.28817264628383},
    {50, 0.5, 0.01, 2.9166279366355323, 0.21072534919283842, 1.2910867132910018, 100.73530705507386},
    {8, 0.3, 0.0, 7.224719895935548, 0.08400459466417562, 0.9028461714737308, 100.6764596446161},
    {1000, 0.99, 0.0, 2.3659432931410422, 6.769511586951588, 1.3346602950647801, 145.73939570965916},
};

TEST(mean_error_test, equals_arviz) {
  for (const expected_numbers& each : by_arviz) {
    const mean_error found = mean_error_of(test::dependent(each.count, each.phi, each.drift));
    const double least = 1e-10;
    EXPECT_THAT(found.effective_sample_size,
                Optional(DoubleNear(each.effective_sample_size, least * each.effective_sample_size)));
    EXPECT_THAT(found.standard_error, Optional(DoubleNear(each.standard_error, least * each.standard_error)));
    EXPECT_THAT(found.split_r_hat, Optional(DoubleNear(each.split_r_hat, least)));
    EXPECT_THAT(found.mean, Optional(DoubleNear(each.mean, least)));
  }
}

TEST(mean_error_test, a_ring_may_lie_in_two_parts) {
  const std::vector<double> values = test::dependent(60, 0.7, 0.0);
  const mean_error expected = mean_error_of(values);
  mean_error_estimator estimator(100);
  for (std::size_t cut = 0; cut <= values.size(); ++cut)
    EXPECT_EQ(estimator(std::span(values).first(cut), std::span(values).subspan(cut)), expected) << cut;
}

TEST(mean_error_test, estimates_without_allocating) {
  const std::vector<double> values = test::dependent(60, 0.9, 0.0);
  mean_error_estimator estimator(60);
  const auto before = test::allocations();
  const mean_error found = estimator(values);
  EXPECT_EQ(test::allocations(), before);
  EXPECT_NE(found, mean_error{});
}

TEST(mean_error_test, equal_observations_are_sure) {
  const mean_error found = mean_error_of(std::vector<double>(21, 0.1));
  EXPECT_EQ(found, (mean_error{.mean = 0.1, .effective_sample_size = 20.0, .standard_error = 0.0}));
}

TEST(mean_error_test, has_no_numbers_where_an_observation_is_none) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    std::vector<double> values = test::dependent(20, 0.3, 0.0);
    values[10] = bad;
    EXPECT_EQ(mean_error_of(values), mean_error{});
  }
}

TEST(mean_error_test, refuses_too_few_observations) {
  EXPECT_THAT([] { (void)mean_error_of(std::vector<double>(7)); },
              ThrowsMessage<std::invalid_argument>("mean_error_of: expected at least 8 observations, not 7"));
  EXPECT_THAT([] { mean_error_estimator{7}; },
              ThrowsMessage<std::invalid_argument>("mean_error_estimator: most must be at least 8, not 7"));
  EXPECT_EQ(mean_error_estimator{8}.most(), 8U);
}

}  // namespace
}  // namespace dvar
