#include "training/parameter_average.hpp"

#include <limits>
#include <stdexcept>

#include <gtest/gtest.h>

namespace dvar::training {
namespace {

at::Tensor numbers(double value) {
  return at::full({3}, value, at::kDouble);
}

// python3 -c "from diffusers.training_utils import EMAModel; a = EMAModel([], decay=0.99); w = EMAModel([], decay=0.99, use_ema_warmup=True)
// print([(a.get_decay(n), w.get_decay(n)) for n in (1, 2, 3, 100, 1000, 10000)])"
TEST(parameter_average_test, begins_as_the_peers_does) {
  const average_options usual{.decay = 0.99};
  const average_options warm{.decay = 0.99, .warmup_power = 2.0 / 3.0};
  struct expected {
    std::int64_t number;
    double usual;
    double warm;
  };
  for (const auto& [number, of_usual, of_warm] :
       {expected{1, 0.0, 0.0}, expected{2, 0.18181818181818182, 0.3700394750525634},
        expected{3, 0.25, 0.5192501432308638}, expected{100, 0.9174311926605505, 0.9535841116638722},
        expected{1000, 0.99, 0.99}, expected{10000, 0.99, 0.99}}) {
    EXPECT_DOUBLE_EQ(parameter_average::decay_of(number, usual), of_usual) << number;
    EXPECT_DOUBLE_EQ(parameter_average::decay_of(number, warm), of_warm) << number;
  }
}

TEST(parameter_average_test, the_first_update_takes_its_place) {
  parameter_average average{numbers(1.0), {}};
  EXPECT_TRUE(at::equal(average.values(), numbers(1.0)));
  average.update(numbers(4.0));
  EXPECT_TRUE(at::equal(average.values(), numbers(4.0)));
  average.update(numbers(15.0));
  EXPECT_TRUE(at::allclose(average.values(), numbers(13.0))) << "a decay of 2 / 11";
}

TEST(parameter_average_test, goes_on_from_a_state) {
  parameter_average whole{numbers(1.0), {.decay = 0.5}};
  parameter_average rest{numbers(9.0), {.decay = 0.5}};
  for (const double value : {2.0, 3.0, 5.0})
    whole.update(numbers(value));
  rest.load_state(whole.state());
  whole.update(numbers(7.0));
  rest.update(numbers(7.0));
  EXPECT_TRUE(at::equal(whole.values(), rest.values()));
  EXPECT_THROW(rest.load_state({{"values", numbers(1.0)}}), std::invalid_argument);
  EXPECT_THROW(rest.load_state({{"values", at::ones({2})}, {"updates", torch::tensor(1)}}),
               std::invalid_argument);
}

TEST(parameter_average_test, options_out_of_range_are_refused) {
  for (const average_options& wrong : {average_options{.decay = 1.0}, average_options{.decay = -0.1},
                                       average_options{.decay = std::numeric_limits<double>::quiet_NaN()},
                                       average_options{.warmup_power = 0.0}})
    EXPECT_THROW((parameter_average{numbers(1.0), wrong}), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::training
