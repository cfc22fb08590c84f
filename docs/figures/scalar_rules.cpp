#include <limits>
#include <tuple>

#include <dvar/rules/already_converged.hpp>
#include <dvar/rules/clip_s.hpp>
#include <dvar/rules/diminishing_returns.hpp>
#include <dvar/rules/ema_percentile.hpp>
#include <dvar/rules/generalization_loss.hpp>
#include <dvar/rules/geweke.hpp>
#include <dvar/rules/hall.hpp>
#include <dvar/rules/mean_settled.hpp>
#include <dvar/rules/non_finite.hpp>
#include <dvar/rules/patience.hpp>
#include <dvar/rules/plateau.hpp>
#include <dvar/rules/progress_quotient.hpp>
#include <dvar/rules/sequential_test.hpp>
#include <dvar/rules/slope_test.hpp>
#include <dvar/rules/successive_rises.hpp>
#include <dvar/rules/threshold.hpp>
#include <dvar/rules/trend.hpp>
#include <dvar/rules/variance_ratio.hpp>

#include "figures.hpp"

namespace figures {

namespace {

using dvar::direction;

std::vector<picture> by_the_best() {
  const dvar::patience patient{direction::minimize, {.patience = 30}};
  series lucky = losses(600, decay(150), 0.01);
  lucky[20] = 0.15;
  series bad_batch = losses(600, decay(80), 0.02);
  bad_batch[249] = 2.4;
  const dvar::generalization_loss five{direction::minimize, {.alpha = 5.0}};
  const dvar::progress_quotient quotient{direction::minimize, {.alpha = 0.75, .strip = 5}};
  const dvar::successive_rises rises{direction::minimize, {.rises = 3, .strip = 5}};
  return {
      watch("patience-works", "A loss that flattens", losses(600, decay(80), 0.01), patient,
            {"observations without improvement", 30.0, 90.0}),
      watch("patience-fails", "One lucky value, early", lucky, patient,
            {"observations without improvement", 30.0, 90.0}),
      watch("threshold-works", "Good enough is 0.3", losses(600, decay(80)),
            dvar::threshold{direction::minimize, 0.3}, {"the loss", 0.3}),
      watch("threshold-fails", "Noise gets there first", losses(600, decay(80), 0.1),
            dvar::threshold{direction::minimize, 0.3}, {"the loss", 0.3}),
      watch("divergence-works", "A step size that is too large",
            losses(
                600, [](double t) { return 0.5 + 0.01 * std::exp(t / 85.0); }, 0.02),
            dvar::divergence{direction::minimize, 2.0}, {"the loss", 2.0}),
      watch("divergence-fails", "One bad batch", bad_batch, dvar::divergence{direction::minimize, 2.0},
            {"the loss", 2.0}),
      watch("generalization_loss-works", "An error that falls and rises again",
            losses(600, overfit(80, 2e-4)), five, {"percent worse than the best", 5.0}),
      watch("generalization_loss-fails", "Noise of a few percent", losses(600, decay(150), 0.02), five,
            {"percent worse than the best", 5.0, 40.0}),
      watch("progress_quotient-works", "An error that falls and rises again", losses(600, overfit(80, 2e-4)),
            quotient, {"loss over progress", 0.75, 6.0}),
      watch("progress_quotient-fails", "A gentle bump on the way down",
            losses(600,
                   [](double t) {
                     const double away = (t - 250.0) / 60.0;
                     return decay(200)(t) + 0.15 * std::exp(-away * away);
                   }),
            quotient, {"loss over progress", 0.75, 6.0}),
      watch("successive_rises-works", "An error that falls and rises again", losses(600, overfit(80, 2e-4)),
            rises, {"rises in a row", 3.0, 12.0}),
      watch("successive_rises-fails", "Three rises by chance", losses(600, decay(150), 0.03, 3), rises,
            {"rises in a row", 3.0}),
  };
}

std::vector<picture> by_a_window() {
  const dvar::variance_ratio ratio{{.window = 310, .threshold = 0.15}};
  const dvar::diminishing_returns pace{direction::minimize, {.window = 200, .block = 10}};
  const dvar::sequential_test sequential{direction::minimize};
  const dvar::plateau flat{direction::minimize, {.window = 50, .tolerance = 0.005}};
  const dvar::slope_test slope{{.window = 200}};
  const dvar::geweke means{{.window = 200}};
  const dvar::mean_settled settled{{.window = 200}};
  series alike = wandering(1200, 0.4, 0.05, 2);
  for (std::size_t i = 0; i < alike.size(); ++i)
    alike[i] += decay(80)(static_cast<double>(i + 1)) - 0.5;
  const dvar::ema_percentile average{{.lag = 100, .weight = 0.1, .threshold = 1e-3}};
  const dvar::hall band{{.window = 100, .threshold = 0.1}};
  const dvar::trend level_line{{.window = 100, .threshold = 1e-4}};
  const dvar::already_converged beginning{{.observations = 200}};
  return {
      watch("already_converged-works", "Flat from the start", losses(600, level(0.5), 0.05), beginning,
            {"p-value of the first slope", 0.05}),
      watch("already_converged-fails", "A warm-up of 300 steps",
            losses(
                600, [](double t) { return t < 300.0 ? 1.0 : decay(60)(t - 300.0); }, 0.02),
            beginning, {"p-value of the first slope", 0.05}),
      watch("variance_ratio-works", "Falls, then flattens", losses(1200, decay(80), 0.01), ratio,
            {"variance of the last 310 / of all", 0.15}),
      watch("variance_ratio-fails", "A straight line", losses(1200, line(5e-4), 0.005), ratio,
            {"variance of the last 310 / of all", 0.15}),
      watch("diminishing_returns-works", "Falls, then flattens", losses(1200, decay(80), 0.05), pace,
            {"pace of the latest / of all", 0.1}),
      watch("diminishing_returns-fails", "Resting between two falls", losses(1200, terrace(120, 600), 0.02),
            pace, {"pace of the latest / of all", 0.1}),
      watch("sequential_test-works", "Falls, then flattens", losses(1200, decay(80), 0.05), sequential,
            {"p-value at any time", 0.01}),
      watch("sequential_test-fails", "Flat from the start: nothing is asked for",
            losses(1200, level(0.5), 0.05), sequential, {"p-value at any time", 0.01}),
      watch("plateau-works", "A loss that flattens", losses(600, decay(80), 0.02), flat,
            {"better than the 50 before by", 0.005}),
      watch("plateau-fails", "Resting between two falls", losses(600, terrace(120, 300), 0.02), flat,
            {"better than the 50 before by", 0.005}),
      watch("slope_test-works", "A loss that flattens", losses(1200, decay(80), 0.05), slope,
            {"probability that it is falling", 0.51}),
      watch("slope_test-fails", "A slow wave on the way down",
            losses(
                1200, [](double t) { return decay(400)(t) + 0.05 * std::sin(t / 50.0); }, 0.01),
            slope, {"probability that it is falling", 0.51}),
      watch("geweke-works", "A loss that flattens", losses(1200, decay(80), 0.05), means,
            {"z: first tenth against last half", 1.96, 20.0}),
      watch("geweke-fails", "Falls more slowly than its noise shows", losses(1200, line(2e-4), 0.1), means,
            {"z: first tenth against last half", 1.96}),
      watch("mean_settled-works", "Flattens, in noise whose neighbors are alike", alike, settled,
            {"z: the last 200 against the 200 before", 1.96, 20.0}),
      watch("mean_settled-fails", "Falls more slowly than its noise shows", losses(1200, line(5e-5), 0.1, 2),
            settled, {"z: the last 200 against the 200 before", 1.96}),
      watch("ema_percentile-works", "A loss that flattens", losses(1200, decay(80)), average,
            {"change of the average over 100", -1e-3}),
      watch("ema_percentile-fails", "The average crosses by chance", losses(1200, decay(400), 0.1), average,
            {"change of the average over 100", -1e-3}),
      watch("hall-works", "Falls into a narrow band", losses(600, decay(80), 0.002), band,
            {"range / mean of the last 100", 0.1}),
      watch("hall-fails", "A large constant part", losses(600, [](double t) { return 9.0 + decay(80)(t); }),
            band, {"range / mean of the last 100", 0.1}),
      watch("trend-works", "A loss that flattens", losses(600, decay(60)), level_line,
            {"slope of the last 100", -1e-4}),
      watch("trend-fails", "The trough of a wave", losses(600, wave(400)), level_line,
            {"slope of the last 100", -1e-4}),
  };
}

}  // namespace

std::vector<picture> scalar_rules() {
  std::vector<picture> all = by_the_best();
  for (picture& more : by_a_window())
    all.push_back(std::move(more));
  series broken = losses(600, decay(80), 0.02);
  for (std::size_t i = 300; i < broken.size(); ++i)
    broken[i] = std::numeric_limits<double>::quiet_NaN();
  const auto score = [](double t) { return 0.75 - 0.2 * std::exp(-t / 8.0); };
  for (const auto& [name, title, deviation] : {std::tuple{"clip_s-works", "A score every 50 steps", 0.003},
                                               {"clip_s-fails", "Scores of few samples", 0.04}}) {
    all.push_back(watch(name, title, losses(60, score, deviation), dvar::clip_s{dvar::presets::clip_s_v2},
                        {"checks without improvement", 6.0, 20.0}));
    all.back().observed = "CLIP image score, by check";
  }
  all.push_back(watch("non_finite-works", "NaN after 300 observations", broken, dvar::non_finite{}, {}));
  all.push_back(watch(
      "non_finite-fails", "Finite, and astray all the same",
      losses(600, [](double t) { return 0.5 + 0.01 * std::exp(t / 85.0); }, 0.02), dvar::non_finite{}, {}));
  return all;
}

}  // namespace figures
