// The limits, and the criteria that hold others.

#include <chrono>
#include <iostream>

#include <dvar/dvar.hpp>

#include "falling_loss.hpp"

const auto flat = losses_of(1200, [](int) { return 0.5; }, 0.05);
const auto a_line = losses_of(1200, [](int t) { return 1.0 - 5e-4 * t; }, 0.01);

void step_limit() {
  show("step_limit", dvar::replay(falling_loss(), dvar::step_limit{400}));
}

void wall_clock_limit() {
  dvar::wall_clock_limit rule{std::chrono::hours{2}};
  const dvar::verdict verdict = rule.observe(0.5);
  std::cout << "wall_clock_limit: stop " << verdict.stop << " of " << rule.limit().count() << " s\n";
}

void any_of() {
  const dvar::any_of rule{dvar::variance_ratio{dvar::presets::v2}, dvar::non_finite{},
                          dvar::step_limit{1000}};
  show("any_of on a loss that flattens", dvar::replay(falling_loss(), rule));
  show("any_of on flat noise", dvar::replay(flat, rule));
}

void all_of() {
  const dvar::all_of rule{dvar::variance_ratio{dvar::presets::v2}, dvar::slope_test{{.window = 200}}};
  show("all_of on a loss that flattens", dvar::replay(falling_loss(), rule));
  show("all_of on a line", dvar::replay(a_line, rule));
}

void after() {
  const dvar::after rule{500, dvar::variance_ratio{dvar::presets::v2}};
  show("after", dvar::replay(falling_loss(), rule));
}

void every() {
  const dvar::every rule{50, dvar::patience{dvar::direction::minimize, {.patience = 3}}};
  show("every", dvar::replay(falling_loss(), rule));
}

void consecutive() {
  const dvar::geweke chance{{.window = 200}};
  show("once", dvar::replay(falling_loss(), chance));
  show("consecutive", dvar::replay(falling_loss(), dvar::consecutive{50, chance}));
}

void latched() {
  const dvar::threshold good_enough{dvar::direction::minimize, 0.28};
  const dvar::patience no_better{dvar::direction::minimize, {.patience = 40}};
  // The error is below 0.28 for a while, and above it again when patience ends.
  show("all_of", dvar::replay(rising_again(), dvar::all_of{good_enough, no_better}));
  show("latched", dvar::replay(rising_again(), dvar::all_of{dvar::latched{good_enough}, no_better}));
}

int main() {
  step_limit();
  wall_clock_limit();
  any_of();
  all_of();
  after();
  every();
  consecutive();
  latched();
}
