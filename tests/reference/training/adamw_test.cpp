#include "training/adamw.hpp"

#include <gtest/gtest.h>

namespace dvar::training {
namespace {

at::Tensor parameter(std::initializer_list<double> values) {
  return torch::tensor(std::vector<double>(values), at::kDouble).set_requires_grad(true);
}

// python3 -c "
// import torch
// p = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
// o = torch.optim.AdamW([p], lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
// for _ in range(3): o.zero_grad(); (p ** 2).sum().backward(); o.step()
// print(p.tolist())"
TEST(adamw_test, equals_py_torch_after_three_steps) {
  const at::Tensor p = parameter({1.0, -2.0});
  adamw optimizer{{{"p", p}}, {.learning_rate = 0.1}};
  for (int i = 0; i < 3; ++i) {
    optimizer.clear_gradients();
    p.square().sum().backward();
    optimizer.step();
  }
  EXPECT_NEAR(p[0].item<double>(), 0.6989111831582322, 1e-15);
  EXPECT_NEAR(p[1].item<double>(), -1.6949445143849768, 1e-15);
}

TEST(adamw_test, leaves_parameters_without_gradient_alone) {
  const at::Tensor p = parameter({1.0});
  adamw optimizer{{{"p", p}}, {.learning_rate = 0.1}};
  optimizer.step();
  EXPECT_EQ(p.item<double>(), 1.0);
}

TEST(adamw_test, continues_from_its_state_bit_for_bit) {
  const auto train = [](adamw& optimizer, const at::Tensor& p, int steps) {
    for (int i = 0; i < steps; ++i) {
      optimizer.clear_gradients();
      p.pow(4).sum().backward();
      optimizer.step();
    }
  };
  const at::Tensor whole = parameter({1.0, 3.0});
  adamw uninterrupted{{{"p", whole}}, {}};
  train(uninterrupted, whole, 10);

  const at::Tensor first = parameter({1.0, 3.0});
  adamw before{{{"p", first}}, {}};
  train(before, first, 4);
  const at::Tensor second = first.detach().clone().set_requires_grad(true);
  adamw after{{{"p", second}}, {}};
  after.load_state(before.state());
  train(after, second, 6);
  EXPECT_TRUE(at::equal(whole, second));
}

TEST(adamw_test, gives_the_same_bits_with_its_parameters_shared_out) {
  const auto trained = [](const batch_workers& workers) {
    std::map<std::string, at::Tensor> parameters;
    for (int i = 1; i <= 5; ++i)
      parameters[std::to_string(i)] = parameter({0.5 * i, -1.0, 2.0 / i});
    adamw optimizer{parameters, {}};
    for (int step = 0; step < 3; ++step) {
      optimizer.clear_gradients();
      for (const auto& [name, each] : parameters)
        each.pow(4).sum().backward();
      EXPECT_GT(clip_gradient_norm(parameters, /*largest=*/1.0, workers), 1.0);
      optimizer.step(workers);
    }
    std::vector<at::Tensor> results;
    for (const auto& [name, each] : parameters)
      results.push_back(each.detach());
    return at::stack(results);
  };
  EXPECT_TRUE(at::equal(trained(batch_workers{1}), trained(batch_workers{3})));
}

TEST(adamw_test, refuses_a_state_of_another_shape) {
  adamw one{{{"p", parameter({1.0})}}, {}};
  adamw two{{{"p", parameter({1.0, 2.0})}}, {}};
  EXPECT_THROW(two.load_state(one.state()), std::invalid_argument);
}

TEST(adamw_test, refuses_options_out_of_range) {
  EXPECT_THROW((adamw{{}, {.learning_rate = -1.0}}), std::invalid_argument);
  EXPECT_THROW((adamw{{}, {.beta_first = 1.0}}), std::invalid_argument);
}

TEST(clip_gradient_norm_test, scales_all_gradients_together) {
  const at::Tensor a = parameter({0.0});
  const at::Tensor b = parameter({0.0});
  (3.0 * a + 4.0 * b).sum().backward();
  EXPECT_DOUBLE_EQ(clip_gradient_norm({{"a", a}, {"b", b}}, 1.0), 5.0);
  EXPECT_DOUBLE_EQ(a.grad().item<double>(), 0.6);
  EXPECT_DOUBLE_EQ(b.grad().item<double>(), 0.8);
  EXPECT_DOUBLE_EQ(clip_gradient_norm({{"a", a}, {"b", b}}, 2.0), 1.0);
  EXPECT_DOUBLE_EQ(a.grad().item<double>(), 0.6);
}

}  // namespace
}  // namespace dvar::training
