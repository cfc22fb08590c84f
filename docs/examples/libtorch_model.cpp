// A LibTorch training loop with dropout that stops when it has converged.
//
// The probe needs the model in evaluation mode, without gradients, and LibTorch's global generator as it was: that is
// what the guard below does, and all that LibTorch needs to use the toolkit.

#include <torch/torch.h>

#include <dvar/dvar.hpp>
#include <iostream>

struct network : torch::nn::Module {
  network() {
    register_module("hidden", hidden);
    register_module("dropout", dropout);
    register_module("output", output);
  }
  torch::Tensor forward(const torch::Tensor& x) { return output(dropout(torch::tanh(hidden(x)))); }

  torch::nn::Linear hidden{1, 32};
  torch::nn::Dropout dropout{0.2};
  torch::nn::Linear output{32, 1};
};

struct evaluation_guard {
  explicit evaluation_guard(network& watched) : model{watched}, was_training{watched.is_training()} {
    model.eval();
  }
  ~evaluation_guard() {
    model.train(was_training);
    generator.set_state(state);
  }
  evaluation_guard(const evaluation_guard&) = delete;
  evaluation_guard& operator=(const evaluation_guard&) = delete;

  network& model;
  bool was_training;
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
  at::Tensor state = generator.get_state();
  torch::NoGradGuard no_gradient;
};

struct batch {
  torch::Tensor x;
  torch::Tensor y;
};

batch draw_batch() {
  const torch::Tensor x = torch::rand({16, 1}) * 6.0 - 3.0;
  return {x, torch::sin(x) + 0.3 * torch::randn({16, 1})};
}

int main() {
  torch::manual_seed(1);
  network model;
  torch::optim::SGD optimiser{model.parameters(), torch::optim::SGDOptions(0.02)};
  const auto loss = [&](const batch& b) { return torch::mse_loss(model.forward(b.x), b.y); };

  dvar::deterministic_probe probe{dvar::sources(dvar::fixed(draw_batch)),
                                  [&](const batch& b) { return loss(b).item<double>(); },
                                  [&] { return evaluation_guard{model}; }};
  dvar::convergence_monitor monitor{
      std::move(probe),
      dvar::any_of{dvar::variance_ratio{{.window = 310, .threshold = 0.15}}, dvar::step_limit{6100}}};

  std::size_t step = 0;
  do {
    optimiser.zero_grad();
    loss(draw_batch()).backward();
    optimiser.step();
  } while (!monitor.after_step(++step).stop);

  std::cout << "stopped at step " << step << " by " << monitor.latest().reason << ": " << monitor.reason()
            << '\n';
}
