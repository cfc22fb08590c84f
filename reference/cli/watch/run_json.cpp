#include "cli/watch/run_json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <nlohmann/json.hpp>

#include "reporting/series.hpp"

namespace dvar::cli {
namespace {

using nlohmann::json;

/// More points than a screen has columns add weight to every look, and nothing to the curve.
constexpr std::size_t points_in_curve = 2000;

/// Returns the finite ones as they are drawn.
json points_of(const step_values& values) {
  std::vector<reporting::point> points;
  for (const auto& [step, value] : values)
    if (std::isfinite(value)) points.push_back({static_cast<std::int64_t>(step), value});
  json curve = json::array();
  for (const reporting::point& at : reporting::thin_out(points, points_in_curve))
    curve.push_back({at.step, at.value});
  return curve;
}

json to_json(const watched_run& run) {
  const auto broken =
      std::ranges::count_if(run.values, [](const auto& each) { return !std::isfinite(each.second); });
  json object{{"log", run.log.string()}, {"column", run.column},
              {"step", run.last_step},   {"broken", broken},
              {"reason", run.reason},    {"values", points_of(run.values)},
              {"judged", run.judged},    {"numbers", points_of(run.numbers)}};
  if (run.stops) {
    object["stops"] = to_text(*run.stops);
    object["bound"] = run.stops->bound;
  }
  if (run.stopped_at) object["stopped_at"] = *run.stopped_at;
  if (run.forecast) object["forecast"] = *run.forecast;
  if (run.untouched) object["untouched"] = *run.untouched;
  return object;
}

}  // namespace

std::string to_json(const std::vector<seen_log>& logs, const std::string& rule) {
  json runs = json::array();
  for (const seen_log& seen : logs)
    if (const auto* const run = std::get_if<watched_run>(&seen.state))
      runs.push_back(to_json(*run));
    else
      runs.push_back({{"log", seen.log.string()}, {"problem", std::get<std::string>(seen.state)}});
  // What is no UTF-8, in the name of a file, becomes a mark: JSON knows nothing else.
  return json{{"rule", rule}, {"runs", std::move(runs)}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace dvar::cli
