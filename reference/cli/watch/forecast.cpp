#include "cli/watch/forecast.hpp"

#include <algorithm>
#include <cmath>

namespace dvar::cli {
namespace {

constexpr std::size_t fewest_numbers = 8;

}  // namespace

std::optional<std::size_t> forecast_stop(const step_values& numbers, const stop_bound& stops) {
  if (numbers.size() < fewest_numbers) return std::nullopt;
  const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  const bool is_positive = stops.bound > 0.0 && std::all_of(begin, numbers.end(), [](const auto& each) {
                             return each.second > 0.0;
                           });
  const auto scaled = [is_positive](double value) { return is_positive ? std::log(value) : value; };

  // About the means, so that large steps lose no digits.
  const auto count = static_cast<double>(numbers.end() - begin);
  double mean_step = 0.0;
  double mean_value = 0.0;
  for (auto each = begin; each != numbers.end(); ++each) {
    mean_step += static_cast<double>(each->first) / count;
    mean_value += scaled(each->second) / count;
  }
  double steps = 0.0;
  double products = 0.0;
  for (auto each = begin; each != numbers.end(); ++each) {
    const double step = static_cast<double>(each->first) - mean_step;
    steps += step * step;
    products += step * (scaled(each->second) - mean_value);
  }
  const double slope = products / steps;
  const double crossing = mean_step + (scaled(stops.bound) - mean_value) / slope;
  const auto last = static_cast<double>(numbers.back().first);
  const bool falls_to =
      stops.compared == stop_bound::comparison::less || stops.compared == stop_bound::comparison::less_equal;
  const bool leads_there = std::isfinite(crossing) && (falls_to ? slope < 0.0 : slope > 0.0);
  if (!leads_there || crossing > 2.0 * last) return std::nullopt;
  return static_cast<std::size_t>(std::max(std::ceil(crossing), last + 1.0));
}

}  // namespace dvar::cli
