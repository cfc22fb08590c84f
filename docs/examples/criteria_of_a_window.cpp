// The rules that compare the latest losses of a window with each other or with all.

#include <iostream>

#include <dvar/dvar.hpp>

#include "falling_loss.hpp"

void variance_ratio() {
  const std::vector<double> losses = falling_loss();

  dvar::variance_ratio rule{{.window = 310, .threshold = 0.15}};  // dvar::presets::v2
  for (const double loss : losses) {
    const dvar::verdict verdict = rule.observe(loss);
    if (verdict.stop) {
      std::cout << verdict.rule << " at " << rule.count() << ": ratio " << *verdict.statistic << " = "
                << *rule.window_variance() << " / " << *rule.total_variance() << '\n';
      break;
    }
  }
}

void diminishing_returns() {
  const dvar::diminishing_returns rule{dvar::direction::minimize, {.share = 0.1, .window = 200, .block = 10}};
  show("diminishing_returns", dvar::replay(falling_loss(), rule));
}

void sequential_test() {
  const dvar::sequential_test rule{dvar::direction::minimize, {.probability = 0.01, .share = 0.1}};
  show("sequential_test", dvar::replay(falling_loss(), rule));
}

void plateau() {
  const dvar::plateau rule{dvar::direction::minimize, {.window = 50, .tolerance = 0.005}};
  show("plateau", dvar::replay(falling_loss(), rule));
}

void slope_test() {
  const dvar::slope_test rule{{.window = 200, .probability = 0.51}};
  show("slope_test", dvar::replay(falling_loss(), rule));
}

void geweke() {
  const dvar::geweke rule{{.window = 200, .threshold = 1.96}};
  show("geweke", dvar::replay(falling_loss(), rule));
}

void mean_settled() {
  const dvar::mean_settled rule{{.window = 200, .threshold = 1.96}};
  show("mean_settled", dvar::replay(falling_loss(), rule));
}

void ema_percentile() {
  const dvar::ema_percentile rule{{.lag = 100, .weight = 0.1, .threshold = 0.01}};
  show("ema_percentile", dvar::replay(falling_loss(), rule));
}

void hall() {
  const dvar::hall rule{{.window = 100, .threshold = 0.12}};
  show("hall", dvar::replay(falling_loss(), rule));
}

void trend() {
  const dvar::trend rule{{.window = 100, .threshold = 1e-4}};
  show("trend", dvar::replay(falling_loss(), rule));
}

int main() {
  variance_ratio();
  diminishing_returns();
  sequential_test();
  plateau();
  slope_test();
  geweke();
  mean_settled();
  ema_percentile();
  hall();
  trend();
}
