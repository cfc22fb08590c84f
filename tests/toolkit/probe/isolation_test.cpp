#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/probe/isolation.hpp>

namespace dvar {
namespace {

/// Writes down when it is entered and left. It is neither copyable nor movable, as LibTorch's guards.
class logging_guard {
 public:
  logging_guard(std::vector<std::string>& log, std::string name) : log_(log), name_(std::move(name)) {
    log_.push_back("+" + name_);
  }
  logging_guard(const logging_guard&) = delete;
  logging_guard& operator=(const logging_guard&) = delete;
  ~logging_guard() { log_.push_back("-" + name_); }

 private:
  std::vector<std::string>& log_;
  std::string name_;
};

static_assert(isolation<no_isolation>);
static_assert(isolation<preserve<std::mt19937>>);
static_assert(!isolation<int>);
static_assert(!isolation<void (*)()>);

TEST(isolation_test, preserve_puts_a_random_engine_back) {
  std::mt19937 engine{3};
  engine.discard(100);
  const auto before = engine;
  preserve keep{engine};
  for (int i = 0; i < 2; ++i) {
    const auto guard = keep();
    engine.discard(17);
    EXPECT_NE(engine, before);
  }
  EXPECT_EQ(engine, before);
}

TEST(isolation_test, preserve_puts_it_back_when_something_throws) {
  std::mt19937 engine{3};
  const auto before = engine;
  preserve keep{engine};
  EXPECT_THROW(
      {
        const auto guard = keep();
        engine.discard(1);
        throw std::runtime_error("the loss failed");
      },
      std::runtime_error);
  EXPECT_EQ(engine, before);
}

TEST(isolation_test, restore_gives_back_what_it_got) {
  int state = 3;
  restore keep{[&]() -> const int& { return state; }, [&](int saved) { state = saved; }};
  {
    const auto guard = keep();
    state = 17;
  }
  EXPECT_EQ(state, 3);
}

TEST(isolation_test, switched_sets_a_mode_and_puts_the_old_one_back) {
  bool training = true;
  switched evaluation{[&] { return training; }, [&](bool on) { training = on; }, false};
  for (const bool before : {true, false}) {
    training = before;
    {
      const auto guard = evaluation();
      EXPECT_FALSE(training);
    }
    EXPECT_EQ(training, before);
  }
}

TEST(isolation_test, switched_puts_the_old_mode_back_when_the_new_one_fails) {
  int mode = 1;
  bool fail = true;
  switched other{[&] { return mode; },
                 [&](int next) {
                   mode = next;
                   if (std::exchange(fail, false)) throw std::runtime_error("no such mode");
                 },
                 2};
  EXPECT_THROW(other(), std::runtime_error);
  EXPECT_EQ(mode, 1);
}

int held_guards = 0;

struct counting_guard {
  counting_guard() { ++held_guards; }
  counting_guard(const counting_guard&) = delete;
  counting_guard& operator=(const counting_guard&) = delete;
  ~counting_guard() { --held_guards; }
};

TEST(isolation_test, held_makes_a_guard_of_another_library) {
  isolate all{held<counting_guard>{}, no_isolation{}};
  {
    [[maybe_unused]] const auto guard = all();
    EXPECT_EQ(held_guards, 1);
  }
  EXPECT_EQ(held_guards, 0);
}

TEST(isolation_test, several_are_left_in_the_reverse_order) {
  std::vector<std::string> log;
  isolate all{[&] { return logging_guard(log, "a"); }, [&] { return logging_guard(log, "b"); },
              no_isolation{}, [&] { return logging_guard(log, "c"); }};
  {
    [[maybe_unused]] const auto guard = all();
    log.emplace_back("evaluate");
  }
  EXPECT_THAT(log, testing::ElementsAre("+a", "+b", "+c", "evaluate", "-c", "-b", "-a"));
}

TEST(isolation_test, what_was_entered_is_left_when_a_later_one_throws) {
  std::vector<std::string> log;
  isolate all{[&] { return logging_guard(log, "a"); },
              []() -> no_isolation::guard { throw std::runtime_error("cannot enter"); }};
  EXPECT_THROW(all(), std::runtime_error);
  EXPECT_THAT(log, testing::ElementsAre("+a", "-a"));
}

}  // namespace
}  // namespace dvar
