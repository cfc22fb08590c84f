#include "evaluation/bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include <dvar/probe/draws.hpp>

namespace dvar::evaluation {
namespace {

double quantile_of_sorted(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

}  // namespace

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return quantile_of_sorted(values, q);
}

std::optional<interval> bootstrap_mean(const std::vector<double>& values, const bootstrap_options& options) {
  if (values.size() < 2) return std::nullopt;
  std::mt19937_64 engine{options.seed};
  const auto count = static_cast<double>(values.size());
  const auto draw = [&] { return static_cast<std::size_t>(draw_unit(engine) * count); };
  std::vector<double> means(static_cast<std::size_t>(options.resamples));
  for (double& mean : means) {
    double sum = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i)
      sum += values[draw()];
    mean = sum / count;
  }
  std::sort(means.begin(), means.end());
  const double outside = 0.5 * (1.0 - options.confidence);
  return interval{quantile_of_sorted(means, outside), quantile_of_sorted(means, 1.0 - outside)};
}

}  // namespace dvar::evaluation
