#include "training/sgd.hpp"

#include <gtest/gtest.h>

namespace dvar::training {
namespace {

at::Tensor parameter(std::initializer_list<double> values) {
  return torch::tensor(std::vector<double>(values), at::kDouble).set_requires_grad(true);
}

void take_steps(optimizer& o, at::Tensor p, int steps) {
  for (int i = 0; i < steps; ++i) {
    p.mutable_grad().reset();
    p.square().sum().backward();
    o.step();
  }
}

// python3 -c "
// import torch
// p = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
// o = torch.optim.SGD([p], lr=0.1, momentum=0.9, weight_decay=0.01)
// for _ in range(3): o.zero_grad(); (p ** 2).sum().backward(); o.step()
// print(p.tolist())"
TEST(sgd_test, equals_py_torch_after_three_steps) {
  const at::Tensor p = parameter({1.0, -2.0});
  sgd o{{{"p", p}}, {.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.01}};
  take_steps(o, p, 3);
  EXPECT_NEAR(p[0].item<double>(), 0.05819419899999998, 1e-15);
  EXPECT_NEAR(p[1].item<double>(), -0.11638839799999996, 1e-15);
}

TEST(sgd_test, continues_from_its_state_bit_for_bit) {
  const at::Tensor whole = parameter({1.0, 3.0});
  sgd uninterrupted{{{"p", whole}}, {.learning_rate = 0.01}};
  take_steps(uninterrupted, whole, 10);

  const at::Tensor first = parameter({1.0, 3.0});
  sgd before{{{"p", first}}, {.learning_rate = 0.01}};
  take_steps(before, first, 4);
  const at::Tensor second = first.detach().clone().set_requires_grad(true);
  sgd after{{{"p", second}}, {.learning_rate = 0.01}};
  after.load_state(before.state());
  take_steps(after, second, 6);
  EXPECT_TRUE(at::equal(whole, second));
}

TEST(sgd_test, refuses_what_is_out_of_range) {
  EXPECT_THROW((sgd{{}, {.learning_rate = -1.0}}), std::invalid_argument);
  EXPECT_THROW((sgd{{}, {.momentum = 1.0}}), std::invalid_argument);
  sgd one{{{"p", parameter({1.0})}}, {}};
  sgd two{{{"p", parameter({1.0, 2.0})}}, {}};
  EXPECT_THROW(two.load_state(one.state()), std::invalid_argument);
}

}  // namespace
}  // namespace dvar::training
