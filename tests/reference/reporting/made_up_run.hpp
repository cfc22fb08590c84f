/// \file
/// Makes up a run as the paper describes it, out of a formula: the training loss is noise, the probe loss
/// falls and flattens.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <dvar/probe/draws.hpp>

#include "reporting/report.hpp"
#include "torch.hpp"

namespace dvar::reporting {

/// Returns the variance of the last `window` values over the variance of all (population), NaN before there
/// are `window`.
inline double variance_ratio(const std::vector<double>& values, std::size_t window) {
  const auto variance = [](auto begin, auto end) {
    const auto count = static_cast<double>(end - begin);
    double mean = 0;
    double sum = 0;
    for (auto at = begin; at != end; ++at)
      mean += *at / count;
    for (auto at = begin; at != end; ++at)
      sum += (*at - mean) * (*at - mean) / count;
    return sum;
  };
  if (values.size() < window) return std::nan("");
  return variance(values.end() - static_cast<std::ptrdiff_t>(window), values.end()) /
         variance(values.begin(), values.end());
}

/// Draws a disc on white with a face of sorts; `likeness` in [0, 1] tells how far the disc has come from a
/// gray square.
inline at::Tensor made_up_picture(double likeness, int variant, std::int64_t size = 64) {
  at::Tensor image = at::full({3, size, size}, 255, at::kByte);
  auto levels = image.accessor<std::uint8_t, 3>();
  const double center = static_cast<double>(size) / 2 + variant % 3 - 1;
  const double radius = 0.4 * static_cast<double>(size);
  for (std::int64_t y = 0; y < size; ++y) {
    for (std::int64_t x = 0; x < size; ++x) {
      const double dx = static_cast<double>(x) - center;
      const double dy = static_cast<double>(y) - center;
      const double round = std::hypot(dx, dy);
      const double square = std::max(std::abs(dx), std::abs(dy));
      if (likeness * round + (1 - likeness) * square > radius) continue;
      const bool eye =
          likeness > 0.5 && std::hypot(std::abs(dx) - radius * 0.35, dy + radius * 0.2) < radius * 0.14;
      const double shade = eye ? 0.2 : 1 - 0.25 * round / radius;
      levels[0][y][x] = static_cast<std::uint8_t>(shade * (150 + 95 * likeness));
      levels[1][y][x] = static_cast<std::uint8_t>(shade * (150 + (30 + 12 * variant) % 60 * likeness));
      levels[2][y][x] = static_cast<std::uint8_t>(shade * (150 - 110 * likeness));
    }
  }
  return image;
}

/// Makes a whole report. With `stop`, the run ends where the ratio passes the threshold.
inline report made_up_run(std::int64_t longest = 6100, bool stop = true) {
  report content{.title = "<cat>",
                 .judged = {{"ratio", {.compared = stop_bound::comparison::less, .bound = 0.15}}},
                 .stop_reason = "variance ratio"};
  std::mt19937_64 random{11};
  const auto unit = [&random] { return draw_unit(random); };
  std::vector<double> probe;
  for (std::int64_t step = 1; step <= longest; ++step) {
    const double loss = 0.01 + 0.37 * std::pow(unit(), 2.2);
    const double gradient_norm =
        0.004 * (1 + static_cast<double>(step) / 900) * (0.4 + 1.8 * unit() * unit());
    probe.push_back(0.1803 * (0.96 + 0.04 * std::exp(-static_cast<double>(step) / 34)) +
                    6e-5 * (unit() - 0.5));
    const double ratio = variance_ratio(probe, 310);
    content.trace.append(
        static_cast<std::size_t>(step),
        {{"loss", loss}, {"gradient_norm", gradient_norm}, {"probe_loss", probe.back()}, {"ratio", ratio}});
    // From step 200 on, what is learned of the pictures no longer helps with others.
    if (step == 1) {
      content.trace.add("untouched_probe_loss", 0.1803);
      content.trace.add("untouched_held_out_probe_loss", 0.1829);
    }
    if (step % 10 == 0) {
      const double gained = 0.004 * (1 - std::exp(-static_cast<double>(step) / 34));
      const double lost = 4e-6 * static_cast<double>(std::max<std::int64_t>(0, step - 200));
      content.trace.add("held_out_probe_loss", 0.1829 - gained + lost + 5e-5 * std::sin(step));
    }
    if (stop && ratio < 0.15) {
      content.stop_step = step;
      break;
    }
  }
  const std::string end = std::to_string(content.trace.back().step());
  content.summary =
      "Learned from four pictures. The probe loss had settled at step " + end + ", of at most 6100.";
  content.facts = {{"Stopped", "step " + end + ": variance ratio below 0.15"},
                   {"Training time", "41.2 s"},
                   {"CLIP image similarity", "0.612 before, 0.798 after"},
                   {"Learned vectors", "1 of 192 numbers"},
                   {"Model", "demo"},
                   {"Initial token", "animal"}};
  for (int i = 0; i < 4; ++i)
    content.training.push_back({made_up_picture(1, i), "drawing-" + std::to_string(i + 1) + ".png"});
  for (int i = 0; i < 8; ++i) {
    content.comparisons.push_back({.before = {made_up_picture(0, i), "a drawing of an animal"},
                                   .after = {made_up_picture(0.9, i), "a drawing of <cat>"}});
  }
  content.configuration =
      R"({"token":"<cat>","learning_rate":0.005,"criterion":{"window":310,"threshold":0.15},"seed":0})";
  content.phases = {
      {"reading the model", 0.38}, {"encoding the pictures", 0.21}, {"training", 41.2}, {"sampling", 12.9}};
  return content;
}

}  // namespace dvar::reporting
