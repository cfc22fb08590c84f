// A run that is killed and goes on, bit for bit, and that ends with the best weights rather than the last.

#include <cstddef>
#include <iostream>
#include <random>
#include <sstream>
#include <vector>

#include <dvar/dvar.hpp>

struct model {
  double weight = 5.0;

  double loss(double x) const { return (weight - x) * (weight - x); }
  void train(std::mt19937_64& engine) {
    weight -= 0.01 * (weight - std::normal_distribution<double>{1.0, 2.0}(engine));
  }
};

struct run {
  std::mt19937_64 engine{1};
  model trained;
  std::size_t step = 0;

  auto make_monitor() {
    return dvar::convergence_monitor{
        dvar::deterministic_probe{dvar::sources(dvar::fixed([](std::mt19937_64& g) {
                                    return std::normal_distribution<double>{1.0, 2.0}(g);
                                  })),
                                  [this](double x) { return trained.loss(x); }},
        dvar::any_of{dvar::variance_ratio{dvar::presets::v2}, dvar::step_limit{2000}}};
  }
};

int main() {
  run whole;
  auto monitor = whole.make_monitor();
  dvar::best_value best{dvar::direction::minimize};
  model best_model;
  std::vector<std::byte> saved;
  run at_checkpoint;
  do {
    whole.trained.train(whole.engine);
    const auto seen = monitor.after_step(++whole.step);
    if (best.observe(*seen.record["probe_loss"])) best_model = whole.trained;
    if (whole.step == 200) {  // the checkpoint: weights, engine, step, and the monitor's bytes
      at_checkpoint = whole;
      saved = dvar::save_state(monitor);
    }
  } while (!monitor.latest().stop);

  run resumed = at_checkpoint;
  auto continued = resumed.make_monitor();
  dvar::load_state(continued, saved);
  do {
    resumed.trained.train(resumed.engine);
  } while (!continued.after_step(++resumed.step).stop);

  std::cout << "stopped at " << whole.step << ", after the interruption at " << resumed.step
            << (continued.records() == monitor.records() ? ", with the same trace" : ", otherwise") << '\n'
            << "the best step was " << *best.observation() << '\n';

  saved[40] ^= std::byte{1};
  try {
    dvar::load_state(continued, saved);
  } catch (const dvar::state_error& error) {
    std::cout << error.what() << '\n';
  }
}
