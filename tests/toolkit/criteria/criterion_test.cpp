#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <dvar/criteria/criterion.hpp>

namespace dvar {
namespace {

/// What a user writes: stops below a value.
class below {
 public:
  explicit below(double limit) : limit_(limit) {}

  verdict observe(double value) {
    latest_ = value;
    return latest();
  }
  [[nodiscard]] verdict latest() const {
    return {.stop = latest_ < limit_, .rule = latest_ < limit_ ? "below" : "", .statistic = latest_};
  }
  [[nodiscard]] std::string reason() const { return "the loss is " + std::to_string(latest_); }
  void report(const report_visitor& visitor) const { visitor({"below", "latest", latest_}); }
  void reset() { latest_ = 1e9; }
  static void state(auto& self, auto& archive) { archive(self.latest_); }

 private:
  double limit_;
  double latest_ = 1e9;
};

struct without_reset {
  verdict observe(double);
  verdict latest() const;
  std::string reason() const;
  void report(const report_visitor&) const;
  static void state(auto&, auto&);
};

struct without_report {
  verdict observe(double);
  verdict latest() const;
  std::string reason() const;
  void reset();
  static void state(auto&, auto&);
};

struct without_state {
  verdict observe(double);
  verdict latest() const;
  std::string reason() const;
  void report(const report_visitor&) const;
  void reset();
};

struct bool_for_a_verdict : below {
  bool observe(double);
};

static_assert(criterion<below>);
static_assert(!criterion<without_reset>);
static_assert(!criterion<without_report>);
static_assert(!criterion<without_state>);
static_assert(!criterion<bool_for_a_verdict>);
static_assert(!criterion<int>);

TEST(criterion_test, one_that_ignores_steps_is_not_told_them) {
  below rule{1.0};
  EXPECT_FALSE(observe_at(rule, 2.0, 17).stop);
  EXPECT_EQ(observe_at(rule, 0.5, 18), (verdict{.stop = true, .rule = "below", .statistic = 0.5}));
}

TEST(criterion_test, one_that_a_user_writes_continues_from_its_state_and_reports) {
  below rule{1.0};
  rule.observe(0.25);
  below loaded{1.0};
  load_state(loaded, save_state(rule));
  EXPECT_EQ(loaded.latest(), rule.latest());
  const auto report = reported_values(loaded);
  ASSERT_EQ(report.size(), 1U);
  EXPECT_EQ(report[0].rule, "below");
  EXPECT_EQ(report[0].name, "latest");
  EXPECT_EQ(report[0].value, 0.25);
  EXPECT_EQ(report[0].stops, std::nullopt);
}

TEST(verdict_test, a_new_one_says_nothing) {
  const verdict v;
  EXPECT_FALSE(v.stop);
  EXPECT_FALSE(v.warming_up);
  EXPECT_TRUE(v.rule.empty());
  EXPECT_EQ(v.statistic, std::nullopt);
}

}  // namespace
}  // namespace dvar
