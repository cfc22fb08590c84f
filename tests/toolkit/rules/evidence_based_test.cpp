#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/rules/evidence_based.hpp>

#include "../allocations.hpp"
#include "../criteria/report_checks.hpp"
#include "../vectors.hpp"

namespace dvar {
namespace {

using testing::DoubleEq;
using testing::Optional;
using testing::ThrowsMessage;

TEST(evidence_based_test, compares_squares_with_variances) {
  evidence_based rule{{.batch = 4}};
  EXPECT_EQ(rule.latest(), verdict{.warming_up = true});
  EXPECT_EQ(rule.reason(), "warming up: no gradient");
  // 1 - 4/2 (1/4 + 9/3) = -5.5
  EXPECT_EQ(rule.observe(std::vector{1.0, -3.0}, std::vector{4.0, 3.0}), verdict{.statistic = -5.5});
  EXPECT_EQ(rule.reason(), "the evidence that the gradient is noise is -5.5, not above 0");
  // 1 - 4/2 (0.25/4 + 0.25/2) = 0.625
  EXPECT_EQ(rule.observe(std::vector{0.5F, -0.5F}, std::vector{4.0, 2.0}),
            (verdict{.stop = true, .rule = "evidence_based", .statistic = 0.625}));
  EXPECT_EQ(rule.reason(), "the evidence that the gradient is noise is 0.625, above 0");
}

TEST(evidence_based_test, is_0_on_average_when_the_gradient_is_noise) {
  constexpr std::size_t batch = 30;
  constexpr std::size_t dimension = 50;
  const auto examples = test::random_vectors(batch * 400, dimension);
  evidence_based rule{{.batch = batch}};
  double sum = 0.0;
  int stops = 0;
  for (std::size_t run = 0; run < 400; ++run) {
    std::vector<double> mean(dimension);
    std::vector<double> variance(dimension);
    for (std::size_t d = 0; d < dimension; ++d) {
      for (std::size_t i = 0; i < batch; ++i)
        mean[d] += examples[run * batch + i][d] - 1.0;
      mean[d] /= batch;
      for (std::size_t i = 0; i < batch; ++i)
        variance[d] += std::pow(examples[run * batch + i][d] - 1.0 - mean[d], 2) / (batch - 1);
    }
    const verdict v = rule.observe(mean, variance);
    sum += v.statistic.value();
    stops += v.stop ? 1 : 0;
    // A step away from the minimum it is certain.
    for (double& component : mean)
      component += 1.0;
    ASSERT_LT(rule.observe(mean, variance).statistic.value(), -10.0);
  }
  // The squares of Student's t with 29 degrees of freedom have mean 29/27 and a variance of about 2.6.
  EXPECT_NEAR(sum / 400.0, 1.0 - 29.0 / 27.0, 5.0 * std::sqrt(2.6 / 50 / 400));
  EXPECT_GT(stops, 100);
  EXPECT_LT(stops, 300);
}

TEST(evidence_based_test, is_undefined_without_variance_or_where_not_finite) {
  evidence_based rule{{.batch = 4}};
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_EQ(rule.observe(std::vector{1.0, bad}, std::vector{1.0, 1.0}), verdict{});
  EXPECT_EQ(rule.observe(std::vector{1.0, 1.0}, std::vector{1.0, 0.0}), verdict{});
  EXPECT_EQ(rule.observe(std::vector{0.0, 0.0}, std::vector{0.0, 0.0}), verdict{});
  EXPECT_EQ(rule.reason(), "the evidence is undefined: a component has no variance or is not finite");
  EXPECT_THAT(rule.observe(std::vector{0.25}, std::vector{1.0}).statistic, Optional(DoubleEq(0.75)));
}

TEST(evidence_based_test, leaves_out_components_that_are_0_in_all_examples) {
  std::vector<double> gradient(1000, 0.1);
  std::vector<double> variance(1000, 1.0);
  evidence_based all{{.batch = 8}};
  const verdict alive = all.observe(gradient, variance);
  EXPECT_TRUE(alive.stop);
  for (const std::size_t dead : {0u, 17u, 999u})
    gradient[dead] = variance[dead] = 0.0;
  evidence_based rule{{.batch = 8}};
  EXPECT_TRUE(rule.observe(gradient, variance).stop);
  EXPECT_THAT(rule.latest().statistic, Optional(DoubleEq(*alive.statistic)));
}

TEST(evidence_based_test, keeps_its_state_and_forgets_it) {
  evidence_based rule{{.batch = 4}};
  rule.observe(std::vector{0.25}, std::vector{1.0});
  evidence_based loaded{{.batch = 4}};
  load_state(loaded, save_state(rule));
  EXPECT_EQ(loaded.latest(), rule.latest());
  EXPECT_EQ(save_state(loaded), save_state(rule));
  rule.reset();
  EXPECT_EQ(save_state(rule), save_state(evidence_based{{.batch = 4}}));
  EXPECT_THAT(
      [&] { load_state(rule, save_state(evidence_based{{.batch = 5}})); },
      ThrowsMessage<state_error>("saved state: evidence_based's batch is 5 in the saved state and 4 here"));
}

TEST(evidence_based_test, observes_without_allocating) {
  evidence_based rule{{.batch = 4}};
  const std::vector<double> gradient(8, 0.1);
  const std::vector<double> variance(8, 1.0);
  const auto before = test::allocations();
  const verdict v = rule.observe(gradient, variance);
  EXPECT_EQ(test::allocations(), before);
  EXPECT_TRUE(v.stop);
}

TEST(evidence_based_test, refuses_a_batch_without_variance) {
  EXPECT_THAT([] { evidence_based rule({.batch = 1}); },
              ThrowsMessage<std::invalid_argument>("evidence_based: batch must be at least 2, not 1"));
}

TEST(evidence_based_test, reports_its_evidence) {
  evidence_based rule{{.batch = 4}};
  test::expect_report(rule, {{"evidence", std::nullopt, test::stops_above(0.0)}});
  rule.observe(std::vector{1.0, -3.0}, std::vector{4.0, 3.0});
  EXPECT_EQ(rule.evidence(), -5.5);
  test::expect_report(rule, {{"evidence", -5.5, test::stops_above(0.0)}});
  rule.observe(std::vector{0.5}, std::vector{0.0});
  test::expect_report(rule, {{"evidence", std::nullopt, test::stops_above(0.0)}});
}

TEST(evidence_based_test, its_field_is_its_option_and_must_be_given) {
  test::expect_fields<evidence_based_options>({"batch"});
  EXPECT_TRUE(std::get<0>(evidence_based_options::fields()).required);
}

}  // namespace
}  // namespace dvar
