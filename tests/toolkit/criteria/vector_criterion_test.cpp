#include <array>
#include <list>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <dvar/criteria/vector_criterion.hpp>
#include <dvar/rules/pflug.hpp>
#include <dvar/rules/step_limit.hpp>

namespace dvar {
namespace {

static_assert(real_vector<std::vector<float>> && real_vector<std::vector<double>>);
static_assert(real_vector<std::span<const float>> && real_vector<std::array<double, 3>>);
static_assert(!real_vector<std::vector<int>> && !real_vector<std::list<double>> && !real_vector<double>);
static_assert(vector_criterion<pflug> && !vector_criterion<step_limit>);
static_assert(!criterion<pflug>);

struct vectors_without_report {
  verdict observe(std::span<const double>);
  verdict latest() const;
  std::string reason() const;
  void reset();
  static void state(auto&, auto&);
};

struct with_report : vectors_without_report {
  void report(const report_visitor&) const;
};

static_assert(vector_criterion<with_report> && !vector_criterion<vectors_without_report>);

TEST(vector_criterion_test, floats_are_taken_as_the_doubles_that_they_are) {
  pflug narrow{{.dimension = 2, .burn_in = 2}};
  pflug wide = narrow;
  for (const float x : {0.1F, 0.3F, -0.7F, 0.2F}) {
    const std::vector<float> components{x, 2.0F * x};
    const std::array<double, 2> same{components[0], components[1]};
    EXPECT_EQ(narrow.observe(components), wide.observe(same));
  }
  EXPECT_TRUE(wide.latest().statistic.has_value());
}

}  // namespace
}  // namespace dvar
