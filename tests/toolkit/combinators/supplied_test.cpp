#include <array>
#include <span>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include <dvar/combinators/any_of.hpp>
#include <dvar/combinators/supplied.hpp>
#include <dvar/monitor.hpp>
#include <dvar/rules/evidence_based.hpp>
#include <dvar/rules/movement.hpp>
#include <dvar/rules/step_limit.hpp>

namespace dvar {
namespace {

TEST(supplied_test, a_rule_on_vectors_stops_a_monitor_of_a_loss) {
  std::vector<float> embedding{1.0F, 2.0F};
  const movement bare{{.dimension = 2, .window = 5, .patience = 10}};
  convergence_monitor monitor{
      [] { return 0.5; },
      any_of{step_limit{100}, supplied{bare, [&] { return std::span<const float>(embedding); }}}};
  movement same = bare;
  std::size_t step = 0;
  do {
    embedding[0] *= step < 20 ? 0.9F : 1.0F;
    same.observe(embedding);
    ASSERT_EQ(monitor.after_step(++step).stop, same.latest().stop);
  } while (!monitor.latest().stop);
  EXPECT_EQ(monitor.latest().rule, "movement");
  EXPECT_EQ(monitor.reason(), same.reason());
  EXPECT_LT(step, 100U);
}

TEST(supplied_test, a_tuple_is_taken_apart) {
  std::array<double, 2> gradient{1.0, 0.0};
  const std::array<double, 2> variance{1.0, 4.0};
  supplied rule{evidence_based{{.batch = 4}},
                [&] { return std::tuple(std::span(gradient), std::span(variance)); }};
  evidence_based same{{.batch = 4}};
  EXPECT_EQ(rule.observe(0.0), same.observe(gradient, variance));
  gradient = {0.1, 0.1};
  EXPECT_EQ(rule.observe(0.0), same.observe(gradient, variance));
  EXPECT_TRUE(rule.latest().stop);
}

TEST(supplied_test, copies_and_assignments_keep_the_supply) {
  std::array<double, 1> x{3.0};
  const auto supply = [&x] { return std::span(x); };
  supplied rule{movement{{.dimension = 1, .window = 2, .patience = 1}}, supply};
  auto copy = rule;
  rule.observe(0.0);
  copy = rule;
  x[0] = 4.0;
  EXPECT_EQ(copy.observe(0.0), rule.observe(0.0));
  EXPECT_EQ(save_state(copy), save_state(rule));
}

}  // namespace
}  // namespace dvar
