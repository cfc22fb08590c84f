#include "reporting/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>
#include <glib.h>

#include "data/image.hpp"
#include "reporting/assets.hpp"
#include "reporting/markup.hpp"
#include "reporting/page.hpp"
#include "reporting/series.hpp"
#include "weights/atomic_file.hpp"

namespace dvar::reporting {
namespace {

using nlohmann::json;

/// More points than a wide screen has columns add weight to the page and nothing to the curve.
constexpr std::size_t points_in_page = 4000;

/// Says of how many training losses the page gives the mean: the rule's default window.
constexpr std::size_t losses_in_mean = 310;

/// Keeps six digits: what a reader can see, at half the size.
double shorten(double value) {
  return std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr);
}

json to_json(const picture& shown) {
  const std::string png = data::encode_png(shown.image);
  const std::unique_ptr<gchar, decltype(&g_free)> base64{
      g_base64_encode(reinterpret_cast<const guchar*>(png.data()), png.size()), &g_free};
  return {{"src", fmt::format("data:image/png;base64,{}", base64.get())},
          {"width", shown.image.size(2)},
          {"height", shown.image.size(1)},
          {"caption", shown.caption}};
}

json to_json(const std::vector<point>& series) {
  json points = json::array();
  for (const point& at : thin_out(series, points_in_page))
    points.push_back({at.step, shorten(at.value)});
  json result{{"points", std::move(points)}};
  if (const auto summary = summarize(series)) {
    result["first"] = shorten(summary->first);
    result["last"] = shorten(summary->last);
    result["lowest"] = shorten(summary->lowest);
    result["highest"] = shorten(summary->highest);
    result["mean"] = shorten(summary->mean);
  }
  return result;
}

/// Returns how much lower the losses of a name are than before the first step, or null where the trace does not have that.
json gain_to_json(const trace& records, const std::string& name) {
  const std::vector<point> before = extract_series(records, "untouched_" + name);
  std::vector<point> gains = extract_series(records, name);
  if (before.empty() || gains.empty()) return nullptr;
  const double untouched = before.front().value;
  for (point& each : gains)
    each.value = untouched - each.value;
  const auto most = std::ranges::max_element(gains, {}, &point::value);
  json result = to_json(gains);
  result["untouched"] = shorten(untouched);
  result["highest_at"] = most->step;
  return result;
}

/// Returns how sure the mean of the last points is, or null where it cannot be said.
json end_to_json(const std::vector<point>& series) {
  const std::optional<end_summary> end = summarize_end(series, losses_in_mean);
  if (!end || !end->error.standard_error || !end->error.effective_sample_size) return nullptr;
  json result{{"count", end->count},
              {"mean", shorten(*end->error.mean)},
              {"standard_error", shorten(*end->error.standard_error)},
              {"effective_sample_size", shorten(*end->error.effective_sample_size)},
              {"split_r_hat", nullptr}};
  if (end->error.split_r_hat) result["split_r_hat"] = shorten(*end->error.split_r_hat);
  return result;
}

/// Returns the text indented if it is JSON, otherwise as it came.
std::string tidy(const std::string& configuration) {
  const json parsed = json::parse(configuration, nullptr, /*allow_exceptions=*/false);
  return parsed.is_discarded() ? configuration : parsed.dump(2, ' ', false, json::error_handler_t::replace);
}

json to_json(const report& content) {
  json result;
  result["summary"] = content.summary;
  result["facts"] = json::array();
  for (const fact& one : content.facts)
    result["facts"].push_back({{"label", one.label}, {"value", one.value}});
  result["training"] = json::array();
  for (const picture& one : content.training)
    result["training"].push_back(to_json(one));
  result["comparisons"] = json::array();
  for (const comparison& pair : content.comparisons)
    result["comparisons"].push_back({{"before", to_json(pair.before)}, {"after", to_json(pair.after)}});
  for (const char* name : {"loss", "probe_loss", "gradient_norm"})
    result["series"][name] = to_json(extract_series(content.trace, name));
  for (const char* name : {"probe_loss", "held_out_probe_loss"})
    result["gains"][name] = gain_to_json(content.trace, name);
  result["series"]["loss"]["end"] = end_to_json(extract_series(content.trace, "loss"));
  result["judged"] = json::array();
  for (const judged_number& number : content.judged) {
    result["judged"].push_back({{"name", number.name},
                                {"bound", number.stops.bound},
                                {"stops", to_text(number.stops)},
                                {"series", to_json(extract_series(content.trace, number.name))}});
  }
  result["steps"] = {{"first", content.trace.empty() ? 0 : content.trace.front().step()},
                     {"last", content.trace.empty() ? 0 : content.trace.back().step()}};
  result["stop"] = nullptr;
  if (content.stop_step) result["stop"] = {{"step", *content.stop_step}, {"reason", content.stop_reason}};
  result["configuration"] = tidy(content.configuration);
  result["phases"] = json::array();
  for (const phase& one : content.phases) {
    result["phases"].push_back(
        {{"name", one.name}, {"seconds", std::isfinite(one.seconds) ? one.seconds : 0}});
  }
  return result;
}

/// Returns JSON that may stand in a script element: without "<" no "</script>" and no "<!--" can end or open
/// anything.
std::string for_script(const json& data) {
  const std::string text = data.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text)
    if (c == '<')
      safe += "\\u003c";
    else
      safe += c;
  return safe;
}

}  // namespace

std::string render_report(const report& content) {
  const std::string title = escape_markup(content.title);
  const std::string data = for_script(to_json(content));
  return fill_page(assets::report_page, {{"TITLE", title}, {"DATA", data}});
}

void write_report(const std::filesystem::path& file, const report& content) {
  weights::write_atomically(file, render_report(content));
}

}  // namespace dvar::reporting
