// The rules that compare a value with the best so far, with the one before it, or with a limit.

#include <iostream>
#include <limits>

#include <dvar/dvar.hpp>

#include "falling_loss.hpp"

void patience() {
  // The rule of Keras's EarlyStopping(min_delta=0.01, patience=20) …
  const dvar::patience keras{dvar::direction::minimize,
                             {.patience = 20, .min_delta = 0.01, .first = dvar::first_observation::accepted}};
  // … and of Ignite's EarlyStopping(min_delta=0.01, patience=20), for which small gains never add up.
  const dvar::patience ignite{dvar::direction::minimize,
                              {.patience = 20,
                               .min_delta = 0.01,
                               .measured_from = dvar::delta_reference::best,
                               .first = dvar::first_observation::accepted}};
  const std::vector<double> losses = falling_loss(/*ripple=*/0.0);
  show("patience, as Keras", dvar::replay(losses, keras));
  show("patience, as Ignite", dvar::replay(losses, ignite));
}

void restore_best() {
  dvar::patience rule{dvar::direction::minimize, {.patience = 30}};
  std::vector<double> weights{0.0};
  std::vector<double> best_weights;
  for (const double error : rising_again()) {
    weights[0] += 1.0;  // a training step
    const bool stop = rule.observe(error).stop;
    if (rule.best().observation() == rule.best().count())  // the latest is the best
      best_weights = weights;
    if (stop) break;
  }
  std::cout << "stopped with weights " << weights[0] << ", the best were " << best_weights[0] << '\n';
}

void threshold() {
  const dvar::threshold good_enough{dvar::direction::minimize, 0.3};
  show("threshold", dvar::replay(falling_loss(), good_enough));
}

void divergence() {
  const dvar::divergence astray{dvar::direction::minimize, 2.0};
  const auto losses = losses_of(600, [](int t) { return 0.5 + 0.01 * std::exp(t / 85.0); });
  show("divergence", dvar::replay(losses, astray));
}

void clip_s() {
  // The score of samples, at every 50th step of the training.
  const auto scores = losses_of(60, [](int check) { return 0.75 - 0.2 * std::exp(-check / 8.0); });
  show("clip_s", dvar::replay(scores, dvar::clip_s{dvar::presets::clip_s_v2}));
}

void generalization_loss() {
  const dvar::generalization_loss rule{dvar::direction::minimize, {.alpha = 5.0}};
  show("generalization_loss", dvar::replay(rising_again(), rule));
}

void progress_quotient() {
  const dvar::progress_quotient rule{dvar::direction::minimize, {.alpha = 0.75, .strip = 5}};
  show("progress_quotient", dvar::replay(rising_again(), rule));
}

void successive_rises() {
  const dvar::successive_rises rule{dvar::direction::minimize, {.rises = 3, .strip = 5}};
  show("successive_rises", dvar::replay(rising_again(), rule));
}

void non_finite() {
  std::vector<double> losses = falling_loss();
  losses[300] = std::numeric_limits<double>::quiet_NaN();
  show("non_finite", dvar::replay(losses, dvar::non_finite{}));
}

int main() {
  patience();
  restore_best();
  threshold();
  divergence();
  clip_s();
  generalization_loss();
  progress_quotient();
  successive_rises();
  non_finite();
}
