// The same loop with xtensor: a linear model of eight features, trained on minibatches. The probe's targets
// carry noise that is drawn anew at every evaluation, so that it is a source of its own; the rule sees the
// trend all the same.

#include <cstddef>
#include <iostream>
#include <random>

#include <dvar/dvar.hpp>

#if __has_include(<xtensor/containers/xtensor.hpp>)  // xtensor 0.26 and later
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/core/xmath.hpp>
#include <xtensor/generators/xrandom.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xmath.hpp>
#include <xtensor/xrandom.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif

using vector = xt::xtensor<double, 1>;
using matrix = xt::xtensor<double, 2>;

constexpr std::size_t batch_size = 16;
const vector truth{1, -2, 3, -4, 5, -6, 7, -8};

template <class Engine>
matrix draw_inputs(Engine& engine) {
  return xt::random::randn<double>({batch_size, truth.size()}, 0.0, 1.0, engine);
}

template <class Engine>
vector draw_noise(Engine& engine) {
  return xt::random::randn<double>({batch_size}, 0.0, 0.1, engine);
}

/// Returns what the model says less what was measured, [B].
vector errors(const vector& weights, const matrix& inputs, const vector& noise) {
  return xt::sum(inputs * (weights - truth), {1}) - noise;
}

int main() {
  std::mt19937_64 engine{1};
  vector weights = xt::zeros<double>({truth.size()});

  dvar::deterministic_probe probe{
      dvar::sources(dvar::fixed(draw_inputs<std::mt19937_64>), dvar::resampled(draw_noise<std::mt19937_64>)),
      [&](const matrix& inputs, const vector& noise) {
        return xt::mean(xt::square(errors(weights, inputs, noise)))();
      },
      dvar::no_isolation{}, std::mt19937_64{/*the probe's own seed*/ 2}};
  dvar::convergence_monitor monitor{
      std::move(probe), dvar::any_of{dvar::variance_ratio{dvar::presets::v2}, dvar::step_limit{6100}}};

  std::size_t step = 0;
  dvar::monitored_step last;
  do {
    const matrix inputs = draw_inputs(engine);
    const vector e = errors(weights, inputs, draw_noise(engine));
    const vector gradient = xt::mean(xt::view(e, xt::all(), xt::newaxis()) * inputs, {0});
    weights -= 0.05 * gradient;
    last = monitor.after_step(++step, {{"loss", xt::mean(xt::square(e))()}});
  } while (!last.stop);

  std::cout << "stopped at step " << step << " by " << last.rule << ": " << monitor.reason() << '\n'
            << "training loss " << *last.record["loss"] << ", probe loss " << *last.record["probe_loss"]
            << '\n';
}
