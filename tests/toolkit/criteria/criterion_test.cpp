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
    return {.stop = latest_ < limit_, .reason = latest_ < limit_ ? "below" : "", .statistic = latest_};
  }
  [[nodiscard]] std::string reason() const { return "the loss is " + std::to_string(latest_); }
  void reset() { latest_ = 1e9; }
  void save(state_writer& out) const { out.write_real(latest_); }
  void load(state_reader& in) { latest_ = in.read_real(); }

 private:
  double limit_;
  double latest_ = 1e9;
};

struct without_reset {
  verdict observe(double);
  verdict latest() const;
  std::string reason() const;
  void save(state_writer&) const;
  void load(state_reader&);
};

struct without_state {
  verdict observe(double);
  verdict latest() const;
  std::string reason() const;
  void reset();
};

struct bool_for_a_verdict : below {
  bool observe(double);
};

static_assert(criterion<below>);
static_assert(!criterion<without_reset>);
static_assert(!criterion<without_state>);
static_assert(!criterion<bool_for_a_verdict>);
static_assert(!criterion<int>);

TEST(criterion_test, one_that_ignores_steps_is_not_told_them) {
  below rule{1.0};
  EXPECT_FALSE(observe_at(rule, 2.0, 17).stop);
  EXPECT_EQ(observe_at(rule, 0.5, 18), (verdict{.stop = true, .reason = "below", .statistic = 0.5}));
}

TEST(verdict_test, a_new_one_says_nothing) {
  const verdict v;
  EXPECT_FALSE(v.stop);
  EXPECT_FALSE(v.warming_up);
  EXPECT_TRUE(v.reason.empty());
  EXPECT_EQ(v.statistic, std::nullopt);
}

}  // namespace
}  // namespace dvar
