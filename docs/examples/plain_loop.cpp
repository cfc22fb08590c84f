// A hand-written training loop that stops when it has converged, with the standard library alone.
//
// The model is a line. Every step sees one noisy point, so the training loss says next to nothing: it is
// drawn anew at each step. The probe evaluates the same loss on a batch that was drawn once, and the rule
// watches that.

#include <cstddef>
#include <iostream>
#include <random>
#include <vector>

#include <dvar/dvar.hpp>

struct point {
  double x;
  double y;
};

struct line {
  double slope = 0.0;
  double offset = 0.0;

  double error(const point& p) const { return slope * p.x + offset - p.y; }

  void descend(const point& p, double rate) {
    const double e = error(p);
    slope -= rate * e * p.x;
    offset -= rate * e;
  }
};

template <class Engine>
point draw_point(Engine& engine) {
  const double x = std::uniform_real_distribution<double>(-1.0, 1.0)(engine);
  return {x, 3.0 * x + 1.0 + std::normal_distribution<double>(0.0, 0.5)(engine)};
}

std::vector<point> draw_batch(std::mt19937_64& engine) {
  std::vector<point> batch;
  for (int i = 0; i < 64; ++i)
    batch.push_back(draw_point(engine));
  return batch;
}

double mean_squared_error(const line& model, const std::vector<point>& batch) {
  double sum = 0.0;
  for (const point& p : batch)
    sum += model.error(p) * model.error(p);
  return sum / static_cast<double>(batch.size());
}

int main() {
  std::mt19937 engine{1};
  line model;

  dvar::deterministic_probe probe{
      dvar::sources(dvar::fixed(draw_batch)),
      [&](const std::vector<point>& batch) { return mean_squared_error(model, batch); }};
  dvar::convergence_monitor monitor{
      std::move(probe),
      dvar::any_of{dvar::variance_ratio{{.window = 310, .threshold = 0.15}}, dvar::step_limit{6100}}};

  std::size_t step = 0;
  do {
    model.descend(draw_point(engine), /*rate=*/0.05);
  } while (!monitor.after_step(++step).stop);

  std::cout << "stopped at step " << step << " by " << monitor.latest().rule << ": " << monitor.reason()
            << '\n'
            << "y = " << model.slope << " x + " << model.offset << " (drawn from y = 3 x + 1)\n";
}
