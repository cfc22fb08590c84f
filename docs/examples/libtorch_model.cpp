// A LibTorch training loop with dropout that stops when it has converged.
//
// The probe needs the model in evaluation mode, without gradients, and LibTorch's global generator as it was: that is
// what the isolation below does, and all that LibTorch needs to use the toolkit. At the end the program trains once
// more without the probe, to show that it has not changed a bit.

#include <iostream>

#include <torch/torch.h>

#include <dvar/dvar.hpp>

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

/// Isolates what an evaluation would disturb: the global random numbers, dropout, gradients.
auto isolation(network& model) {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
  return dvar::isolate{
      dvar::restore{[=] { return generator.get_state(); },
                    [=](const at::Tensor& state) mutable { generator.set_state(state); }},
      dvar::switched{[&] { return model.is_training(); }, [&](bool on) { model.train(on); }, false},
      dvar::held<torch::NoGradGuard>{}};
}

struct batch {
  torch::Tensor x;
  torch::Tensor y;
};

batch draw_batch() {
  const torch::Tensor x = torch::rand({16, 1}) * 6.0 - 3.0;
  return {x, torch::sin(x) + 0.3 * torch::randn({16, 1})};
}

struct training {
  torch::Tensor loss(const batch& b) { return torch::mse_loss(model.forward(b.x), b.y); }

  void step() {
    optimizer.zero_grad();
    loss(draw_batch()).backward();
    optimizer.step();
  }

  network model{};
  torch::optim::SGD optimizer{model.parameters(), torch::optim::SGDOptions(0.02)};
};

int main() {
  torch::manual_seed(1);
  training run;

  dvar::deterministic_probe probe{dvar::sources(dvar::fixed(draw_batch)),
                                  [&](const batch& b) { return run.loss(b).item<double>(); },
                                  isolation(run.model)};
  dvar::convergence_monitor monitor{
      std::move(probe),
      dvar::any_of{dvar::variance_ratio{{.window = 310, .threshold = 0.15}}, dvar::step_limit{6100}}};

  std::size_t step = 0;
  do {
    run.step();
  } while (!monitor.after_step(++step).stop);

  std::cout << "stopped at step " << step << " by " << monitor.latest().rule << ": " << monitor.reason()
            << '\n';

  // The same steps without the probe.
  torch::manual_seed(1);
  training unprobed;
  for (std::size_t again = 0; again < step; ++again)
    unprobed.step();
  const auto flat = [](const network& model) {
    return torch::nn::utils::parameters_to_vector(model.parameters());
  };
  const bool equal = torch::equal(flat(run.model), flat(unprobed.model));
  std::cout << "without the probe, the parameters are " << (equal ? "equal, bit for bit" : "others") << '\n';
  return equal ? 0 : 1;
}
