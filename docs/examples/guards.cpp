// What keeps the variance ratio from being misled, alone and all together.

#include <dvar/dvar.hpp>

#include "falling_loss.hpp"

const dvar::variance_ratio ratio{dvar::presets::v2};

void one_spike() {
  auto losses = losses_of(1200, [](int t) { return 0.2 + 0.8 * std::exp(-t / 300.0); }, 0.01);
  losses[9] = 6.0;
  show("one spike", dvar::replay(losses, ratio));
  show("despiked", dvar::replay(losses, dvar::despiked{3, ratio}));
}

void flat_from_the_start() {
  const auto flat = losses_of(1200, [](int) { return 0.5; }, 0.05);
  const dvar::any_of rule{ratio, dvar::already_converged{{.observations = 310, .significance = 0.05}}};
  show("already_converged", dvar::replay(flat, rule));
}

auto careful() {
  const dvar::all_of still{dvar::despiked{3, dvar::variance_ratio{dvar::presets::v2}}, dvar::slope_test{}};
  return dvar::any_of{
      dvar::after{500, dvar::consecutive{5, still}},
      dvar::already_converged{},
      dvar::non_finite{},
      dvar::step_limit{6100},
  };
}

void chosen_by_text() {
  dvar::any_criterion rule = dvar::make_criterion("variance_ratio:window=310,threshold=0.15,after=500");
  show("by a line of text", dvar::replay(falling_loss(), rule));
  rule = careful();
  show("another", dvar::replay(falling_loss(), rule));
}

int main() {
  one_spike();
  flat_from_the_start();
  show("all of it", dvar::replay(falling_loss(), careful()));
  show("all of it, on a line",
       dvar::replay(losses_of(6100, [](int t) { return 1.0 - 1e-4 * t; }), careful()));
  chosen_by_text();
}
