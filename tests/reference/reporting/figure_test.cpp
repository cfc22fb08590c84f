#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "made_up_run.hpp"
#include "reporting/report.hpp"

namespace dvar::reporting {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> curve_starts(const std::string& svg) {
  std::vector<std::string> found;
  const std::regex curve{R"re(<path class="(\w+)" stroke-width="[0-9.]+" d="(M[0-9. ]+)L)re"};
  for (std::sregex_iterator at{svg.begin(), svg.end(), curve}; at != std::sregex_iterator{}; ++at)
    found.push_back((*at)[1].str() + " " + (*at)[2].str());
  return found;
}

TEST(figure_test, draws_three_curves_the_threshold_and_the_stop) {
  const report content = made_up_run();
  const std::string svg = render_figure(content);
  const std::vector<std::string> curves = curve_starts(svg);
  ASSERT_EQ(curves.size(), 3u);
  EXPECT_THAT(curves[0], testing::StartsWith("noise M64.0 "));
  EXPECT_THAT(curves[1], testing::StartsWith("probe M64.0 "));
  EXPECT_THAT(svg, HasSubstr("stopped at " + std::to_string(*content.stop_step)));
  EXPECT_THAT(svg, HasSubstr(R"(<line class="threshold")"));
  EXPECT_THAT(svg, HasSubstr("<title>&lt;cat&gt;: "));
}

TEST(figure_test, places_values_by_their_scales) {
  report content;
  // Loss scale 0 to 1 in steps of 0.2 over y = 290 … 52; steps 0 to 100 over x = 64 … 736.
  for (const std::size_t step : {0, 50, 100})
    content.trace.append(step, {{"loss", static_cast<double>(step) / 100}});
  EXPECT_THAT(render_figure(content), HasSubstr(R"(d="M64.0 290.0L400.0 171.0L736.0 52.0")"));
}

TEST(figure_test, stands_with_any_trace) {
  dvar::trace of_nothing;
  of_nothing.append(7);
  dvar::trace of_one_step;
  of_one_step.append(7, {{"loss", 0.1}, {"gradient_norm", 1.0}, {"probe_loss", 0.0}, {"ratio", 0.0}});
  for (const dvar::trace& records : {dvar::trace{}, of_nothing, of_one_step}) {
    const std::string svg = render_figure(
        {.title = "x", .trace = records, .judged = {{"ratio", {.bound = 0.15}}}, .stop_step = 7});
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
    EXPECT_THAT(svg, Not(HasSubstr("inf")));
    EXPECT_THAT(svg, testing::EndsWith("</svg>\n"));
  }
}

TEST(figure_test, draws_the_first_number_that_there_is_and_says_where_it_stops) {
  report content;
  content.trace.append(1, {{"wait", 2.0}});
  content.judged = {{"ratio", {.bound = 0.15}},
                    {"wait", {.compared = stop_bound::comparison::greater_equal, .bound = 5.0}}};
  EXPECT_THAT(render_figure(content), HasSubstr("wait (stops at 5 or above)"));
  EXPECT_THAT(render_figure(content), Not(HasSubstr("ratio (")));
}

}  // namespace
}  // namespace dvar::reporting
