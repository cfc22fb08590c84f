#pragma once

#include <string>
#include <utility>
#include <vector>

#include <dvar/criteria/criterion.hpp>

#include "losses.hpp"
#include "picture.hpp"

namespace figures {

struct lower_panel {
  std::string label;
  std::optional<double> threshold{};
  double cut = 0.0;
};

/// Draws what the rule says at each of the losses, and where it says stop first. It goes on after that: a
/// picture also shows what would have come.
template <dvar::criterion Rule>
picture watch(std::string name, std::string title, series losses, Rule rule, lower_panel lower) {
  picture seen{.name = std::move(name),
               .title = std::move(title),
               .losses = std::move(losses),
               .statistic = std::move(lower.label),
               .threshold = lower.threshold,
               .cut = lower.cut};
  for (std::size_t i = 0; i < seen.losses.size(); ++i) {
    const dvar::verdict verdict = rule.observe(seen.losses[i]);
    seen.statistics.push_back(verdict.statistic);
    if (verdict.stop && !seen.stop) seen.stop = i + 1;
  }
  return seen;
}

/// Draws the pictures for the pages of the criteria that watch a loss.
std::vector<picture> scalar_rules();
/// Draws the pictures for the pages of the criteria that hold others, and of the limits.
std::vector<picture> composed_rules();
/// Draws the pictures for the pages of the criteria that watch a vector.
std::vector<picture> vector_rules();
/// Draws the pictures for the page of pitfalls.
std::vector<picture> pitfalls();

}  // namespace figures
