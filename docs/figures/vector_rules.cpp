#include <array>
#include <span>

#include <dvar/rules/evidence_based.hpp>
#include <dvar/rules/movement.hpp>
#include <dvar/rules/pflug.hpp>
#include <dvar/rules/sasa.hpp>

#include "figures.hpp"

namespace figures {

namespace {

constexpr std::size_t dimension = 8;
using vector = std::array<double, dimension>;

/// Runs stochastic gradient descent on half the squared distance from 0: one step, its gradient, and what its
/// examples' gradients varied by.
struct descent {
  vector x;
  double rate;
  double deviation;  // of one example's gradient
  std::size_t batch;
  gaussian noise{1};
  vector gradient{};
  vector variance{};

  void step() {
    for (std::size_t d = 0; d < dimension; ++d) {
      double sum = 0.0;
      double squares = 0.0;
      for (std::size_t i = 0; i < batch; ++i) {
        const double e = deviation * noise();
        sum += e;
        squares += e * e;
      }
      const auto n = static_cast<double>(batch);
      gradient[d] = x[d] + sum / n;
      variance[d] = batch > 1 ? (squares - sum * sum / n) / (n - 1.0) : 0.0;
      x[d] -= rate * gradient[d];
    }
  }

  [[nodiscard]] double loss() const {
    double sum = 0.0;
    for (const double component : x)
      sum += component * component;
    return 0.5 * sum;
  }
};

/// Follows a descent: `judge(descent)` gives the verdict after each of n steps; `schedule(step, descent)`
/// changes the descent before each.
template <class Schedule, class Judge>
picture follow(std::string name, std::string title, std::size_t n, descent run, Schedule schedule,
               Judge judge, lower_panel lower) {
  picture seen{.name = std::move(name),
               .title = std::move(title),
               .statistic = std::move(lower.label),
               .threshold = lower.threshold,
               .cut = lower.cut};
  for (std::size_t step = 1; step <= n; ++step) {
    schedule(step, run);
    const dvar::verdict verdict = judge(run);
    seen.losses.push_back(run.loss());
    seen.statistics.push_back(verdict.statistic);
    if (verdict.stop && !seen.stop) seen.stop = step;
  }
  return seen;
}

vector far(double distance = 1.0) {
  vector x;
  x.fill(distance);
  return x;
}

vector one_sided() {
  vector x{};
  x[0] = 3.0;
  return x;
}

}  // namespace

std::vector<picture> vector_rules() {
  const auto steadily = [](std::size_t /*step*/, descent&) {};
  const auto still = [](auto rule) {
    return [rule](descent& run) mutable {
      run.step();
      return rule.observe(run.x);
    };
  };
  const auto products = [](auto rule) {
    return [rule](descent& run) mutable {
      run.step();
      return rule.observe(run.gradient);
    };
  };
  const auto evidence = [](auto rule) {
    return [rule](descent& run) mutable {
      run.step();
      return rule.observe(run.gradient, run.variance);
    };
  };
  const auto stationary = [](auto rule) {
    return [rule](descent& run) mutable {
      const vector before = run.x;
      run.step();
      return rule.observe(dvar::sasa_statistic(before, run.gradient, run.rate));
    };
  };
  const dvar::movement rest{{.dimension = dimension, .window = 50, .patience = 150}};
  const dvar::pflug pairs{{.dimension = dimension, .burn_in = 20}};
  const dvar::evidence_based single{{.batch = 16}};
  const dvar::sasa test{{.batches = 8, .batch_length = 25, .significance = 0.05}};
  const lower_panel waited{"steps since the least movement", 150.0};
  const lower_panel sum{"sum of products of successive gradients", 0.0};
  const lower_panel left_side{"evidence that the gradient is noise", 0.0, 8.0};
  const lower_panel p{"p-value", 0.05};

  return {
      follow("movement-works", "Comes to rest, up to its noise", 600, {far(), 0.03, 0.3, 1}, steadily,
             still(rest), waited),
      follow(
          "movement-fails", "Slow for a while in the middle", 900, {far(), 0.01, 0.3, 1},
          [](std::size_t step, descent& run) { run.rate = step > 60 && step < 600 ? 0.0005 : 0.02; },
          still(rest), waited),
      follow("pflug-works", "Overshoots around the minimum", 1200, {far(5.0), 0.1, 3.0, 1}, steadily,
             products(pairs), sum),
      follow("pflug-fails", "Noise larger than the way", 1200, {one_sided(), 0.01, 6.0, 1}, steadily,
             products(pairs), sum),
      follow("evidence_based-works", "The gradient sinks into its noise", 300, {far(), 0.02, 1.0, 16},
             steadily, evidence(single), left_side),
      follow("evidence_based-fails", "One direction of eight still has a way to go", 300,
             {one_sided(), 0.01, 6.0, 16}, steadily, evidence(single), left_side),
      follow("sasa-works", "Steps that have become stationary", 1200, {far(), 0.05, 0.5, 1}, steadily,
             stationary(test), p),
      follow("sasa-fails", "Noise larger than the way", 1200, {one_sided(), 0.001, 30.0, 1}, steadily,
             stationary(test), p),
  };
}

}  // namespace figures
