// What the page of pitfalls says, shown: each function prints what happens, and what to do about it.

#include <cmath>
#include <iostream>
#include <limits>
#include <random>
#include <set>

#include <dvar/dvar.hpp>

#include "falling_loss.hpp"

using dvar::direction;

const dvar::variance_ratio ratio{dvar::presets::v2};

std::vector<double> noise(int n, double deviation, unsigned seed = 1) {
  std::mt19937_64 engine{seed};
  std::normal_distribution<double> draw{0.5, deviation};
  return losses_of(n, [&](int) { return draw(engine); });
}

void a_straight_line() {
  const auto line = losses_of(6100, [](int t) { return 1.0 - 1e-4 * t; });
  show("line, v1", dvar::replay(line, dvar::variance_ratio{dvar::presets::v1}));
  show("line, v2", dvar::replay(line, dvar::variance_ratio{dvar::presets::v2}));
  show("line, with a slope test", dvar::replay(line, dvar::all_of{ratio, dvar::slope_test{{.window = 310}}}));
}

void a_slow_run() {
  const auto slow = losses_of(6100, [](int t) { return 0.2 + 0.8 * std::exp(-t / 1500.0); });
  for (const std::size_t window : {310, 1000, 3000}) {
    const auto run = dvar::replay(slow, dvar::variance_ratio{{.window = window, .threshold = 0.15}});
    std::cout << "slow, window " << window << ": stops at " << *run.stopped_at << ", where the loss is "
              << slow[*run.stopped_at - 1] << '\n';
  }
}

void an_early_spike() {
  auto losses = noise(6100, 0.02);
  losses[20] = 2.0;
  show("spike at index 20", dvar::replay(losses, ratio));
  dvar::variance_ratio later = ratio;  // shown nothing of the first 50
  std::size_t step = 0;
  bool stop = false;
  while (!stop && step < losses.size())
    stop = ++step > 50 && later.observe(losses[step - 1]).stop;
  std::cout << "spike passed over: " << (stop ? "stops at " : "goes on after ") << step << '\n';
}

void flat_noise() {
  const auto flat = noise(100000, 0.05);
  show("flat noise", dvar::replay(flat, ratio));
  show("flat noise, with a limit", dvar::replay(flat, dvar::any_of{ratio, dvar::step_limit{6100}}));
  show("flat noise, with Geweke's", dvar::replay(flat, dvar::any_of{ratio, dvar::geweke{}}));
}

void slow_wandering() {
  for (const unsigned seed : {1, 2, 3}) {
    std::mt19937_64 engine{seed};
    std::normal_distribution<double> draw{0.0, 0.01};
    double x = 0.0;
    const auto wandering = losses_of(6100, [&](int) { return 0.5 + (x = 0.99 * x + draw(engine)); });
    const auto run = dvar::replay(wandering, ratio);
    std::cout << "wandering " << seed << ": "
              << (run.stopped_at ? "stops at " + std::to_string(*run.stopped_at) : "goes on") << '\n';
  }
}

double plain_variance(const std::vector<double>& values, std::size_t begin) {
  double mean = 0.0;
  for (std::size_t i = begin; i < values.size(); ++i)
    mean += values[i];
  mean /= static_cast<double>(values.size() - begin);
  double sum = 0.0;
  for (std::size_t i = begin; i < values.size(); ++i)
    sum += (values[i] - mean) * (values[i] - mean);
  return sum / static_cast<double>(values.size() - begin);
}

void equal_values() {
  const std::vector<double> equal(400, 0.1);
  std::cout << "equal values, two passes: the variance of 400 is "
            << (plain_variance(equal, 0) > 0.0 ? "above 0" : "0") << '\n';
  show("equal values", dvar::replay(equal, ratio));
  show("equal values, plateau", dvar::replay(equal, dvar::plateau{direction::minimize}));
}

void not_a_number() {
  auto losses = falling_loss();
  losses[100] = std::numeric_limits<double>::quiet_NaN();
  show("NaN, kept", dvar::replay(losses, ratio));
  show("NaN, stopped at", dvar::replay(losses, dvar::any_of{ratio, dvar::non_finite{}}));
  dvar::variance_ratio_options skip = dvar::presets::v2;
  skip.non_finite = dvar::non_finite_policy::skip;
  show("NaN, skipped", dvar::replay(losses, dvar::variance_ratio{skip}));
}

// About 0.18, moving by 1e-3 in all: the loss on fixed inputs of textual inversion.
const auto small_movement = losses_of(1200, [](int t) { return 0.18 + 1e-3 * std::exp(-t / 80.0); }, 1e-5);

void sums_in_float() {
  float sum = 0.0F;
  float squares = 0.0F;
  dvar::rolling_variance<double> window{310};
  for (std::size_t i = small_movement.size() - 310; i < small_movement.size(); ++i) {
    const auto x = static_cast<float>(small_movement[i]);
    sum += x;
    squares += x * x;
    window.observe(small_movement[i]);
  }
  const float mean = sum / 310.0F;
  std::cout << "the last 310 in float: E[x^2] - E[x]^2 is wrong by "
            << (std::abs(squares / 310.0F - mean * mean - *window.variance()) > *window.variance()
                    ? "more than the variance\n"
                    : "less than the variance\n")
            << "rolling_variance: " << *window.variance() << '\n';
}

void half_precision() {
  std::set<double> halves;
  for (const double loss : small_movement)
    halves.insert(std::ldexp(std::round(std::ldexp(loss, 13)), -13));  // from 1/8 to 1/4, 2^-13 apart
  std::cout << "half precision: " << small_movement.size() << " losses, " << halves.size() << " values\n";
}

// A loss with a mode, as a network with dropout has.
struct network {
  double error = 1.0;
  bool training = true;
  std::mt19937_64 dropout{1};

  double loss() {
    const double noise = training ? std::normal_distribution<double>{0.0, 0.3}(dropout) : 0.0;
    return 0.2 + 0.8 * error + noise;
  }
  void train() { error *= 0.9875; }
};

template <class Isolation>
void probe_with(const char* what, network model, Isolation isolation_of) {
  dvar::deterministic_probe probe{dvar::sources(), [&] { return model.loss(); }, isolation_of(model)};
  dvar::convergence_monitor monitor{std::move(probe), dvar::any_of{ratio, dvar::step_limit{6100}}};
  std::size_t step = 0;
  do {
    model.train();
  } while (!monitor.after_step(++step).stop);
  std::cout << what << ": step " << step << ", " << monitor.latest().rule << '\n';
}

void training_mode() {
  probe_with("probe in training mode", {}, [](network&) { return dvar::no_isolation{}; });
  probe_with("probe in evaluation mode", {}, [](network& model) {
    return dvar::switched{[&model] { return model.training; }, [&model](bool on) { model.training = on; },
                          false};
  });
}

void timesteps() {
  double error = 1.0;
  // The loss of a diffusion model is several times as large at some timesteps as at others.
  const auto loss = [&](int timestep) { return 0.18 * std::exp(-timestep / 400.0) * (0.95 + 0.05 * error); };
  const auto draw = [](std::mt19937_64& engine) {
    return std::uniform_int_distribution<int>{0, 999}(engine);
  };
  const auto train_with = [&](const char* what, auto timestep) {
    error = 1.0;
    dvar::deterministic_probe probe{dvar::sources(timestep), loss};
    dvar::convergence_monitor monitor{std::move(probe), dvar::any_of{ratio, dvar::step_limit{6100}}};
    std::size_t step = 0;
    do {
      error *= 0.99;
    } while (!monitor.after_step(++step).stop);
    std::cout << what << ": step " << step << ", " << monitor.latest().rule << '\n';
  };
  train_with("timesteps fixed", dvar::fixed(draw));
  train_with("timesteps drawn anew", dvar::resampled(draw));
}

void before_or_after_the_step() {
  const auto after = losses_of(1200, [](int t) { return 0.2 + 0.8 * std::exp(-t / 250.0); });
  std::vector<double> before{3.0};  // the untrained model
  before.insert(before.end(), after.begin(), after.end());
  std::cout << "probed after the step: " << *dvar::replay(after, ratio).stopped_at
            << ", before it: " << *dvar::replay(before, ratio).stopped_at << '\n';
}

void stops_that_are_remembered() {
  const auto losses = rising_again();
  const dvar::threshold good{direction::minimize, 0.28};
  show("not before 400", dvar::replay(losses, dvar::after{400, good}));
  show("remembered from before", dvar::replay(losses, dvar::after{400, dvar::latched{good}}));
}

int main() {
  a_straight_line();
  a_slow_run();
  an_early_spike();
  flat_noise();
  slow_wandering();
  equal_values();
  not_a_number();
  sums_in_float();
  half_precision();
  training_mode();
  timesteps();
  before_or_after_the_step();
  stops_that_are_remembered();
}
