// The rules that are shown parameters or gradients in place of a loss: stochastic gradient descent on half the
// squared distance from 0, in four dimensions, with batches of sixteen examples.

#include <array>
#include <iostream>
#include <random>

#include <dvar/dvar.hpp>

using vector = std::array<double, 4>;

struct gradients {
  vector mean{};
  vector variance{};  // of one example's gradient, divided by B - 1
};

constexpr std::size_t batch = 16;

gradients draw_gradients(const vector& x, std::mt19937_64& engine) {
  std::normal_distribution<double> noise;
  gradients drawn;
  for (std::size_t d = 0; d < x.size(); ++d) {
    std::array<double, batch> examples;
    for (double& example : examples) {
      example = x[d] + noise(engine);
      drawn.mean[d] += example / batch;
    }
    for (const double example : examples)
      drawn.variance[d] += (example - drawn.mean[d]) * (example - drawn.mean[d]) / (batch - 1);
  }
  return drawn;
}

void descend(vector& x, const vector& gradient, double rate) {
  for (std::size_t d = 0; d < x.size(); ++d)
    x[d] -= rate * gradient[d];
}

void movement(std::mt19937_64 engine) {
  vector x{3, 3, 3, 3};
  dvar::movement rule{{.dimension = x.size(), .window = 50, .patience = 200}};
  int step = 0;
  do {
    descend(x, draw_gradients(x, engine).mean, 0.05);
    ++step;
  } while (!rule.observe(x).stop);
  std::cout << "movement: stops at " << step << ": " << rule.reason() << '\n';
}

void pflug(std::mt19937_64 engine) {
  vector x{3, 3, 3, 3};
  dvar::pflug rule{{.dimension = x.size(), .burn_in = 100}};
  int step = 0;
  vector gradient;
  do {
    gradient = draw_gradients(x, engine).mean;
    descend(x, gradient, 0.5);
    ++step;
  } while (!rule.observe(gradient).stop);
  std::cout << "pflug: stops at " << step << ": " << rule.reason() << '\n';
}

void evidence_based(std::mt19937_64 engine) {
  vector x{3, 3, 3, 3};
  dvar::evidence_based rule{{.batch = batch}};
  int in_a_row = 0;
  int step = 0;
  do {
    const gradients drawn = draw_gradients(x, engine);
    descend(x, drawn.mean, 0.05);
    ++step;
    in_a_row = rule.observe(drawn.mean, drawn.variance).stop ? in_a_row + 1 : 0;
  } while (in_a_row < 3);
  std::cout << "evidence_based: stops at " << step << ": " << rule.reason() << '\n';
}

void sasa(std::mt19937_64 engine) {
  constexpr double rate = 0.05;
  vector x{3, 3, 3, 3};
  dvar::sasa rule{{.batches = 8, .batch_length = 25, .significance = 0.05}};
  int step = 0;
  bool stop = false;
  do {
    const vector gradient = draw_gradients(x, engine).mean;
    stop = rule.observe(dvar::sasa_statistic(x, gradient, rate)).stop;
    descend(x, gradient, rate);
    ++step;
  } while (!stop);
  std::cout << "sasa: stops at " << step << ": " << rule.reason() << '\n';
}

void supplied(std::mt19937_64 engine) {
  vector x{3, 3, 3, 3};
  dvar::any_of rule{dvar::supplied{dvar::movement{{.dimension = x.size(), .window = 50, .patience = 200}},
                                   [&x] { return x; }},
                    dvar::step_limit{6100}};
  int step = 0;
  dvar::verdict verdict;
  do {
    const gradients drawn = draw_gradients(x, engine);
    descend(x, drawn.mean, 0.05);
    ++step;
    verdict = rule.observe(/*loss=*/0.5 * x[0] * x[0]);
  } while (!verdict.stop);
  std::cout << "supplied: stops at " << step << " by " << verdict.rule << '\n';
}

int main() {
  const std::mt19937_64 engine{1};
  movement(engine);
  pflug(engine);
  evidence_based(engine);
  sasa(engine);
  supplied(engine);
}
