#include "reporting/report.hpp"

#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dvar/statistics/mean_error.hpp>

#include "error.hpp"
#include "made_up_run.hpp"
#include "reporting/markup.hpp"

namespace dvar::reporting {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Returns the data inside the page, as the browser's script gets them.
nlohmann::json data_of(const std::string& page) {
  const std::string opening = R"(<script id="data" type="application/json">)";
  const std::size_t begin = page.find(opening) + opening.size();
  return nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

TEST(report_test, text_cannot_leave_its_place) {
  const std::string attack = "</script><script>alert('@DATA@')</script><!-- <cat>";
  report content = made_up_run(20);
  const std::size_t scripts = count(render_report(content), "</script>");
  content.title = attack;
  content.summary = attack;
  content.facts = {{attack, attack}};
  content.training.front().caption = attack;
  content.configuration = attack;
  content.phases = {{attack, 1}};
  const std::string page = render_report(content);
  EXPECT_EQ(count(page, "</script>"), scripts);
  EXPECT_THAT(page, Not(HasSubstr("<cat>")));
  EXPECT_THAT(page, HasSubstr("<title>&lt;/script&gt;&lt;script&gt;alert(&#39;@DATA@&#39;)"));
  const nlohmann::json data = data_of(page);
  EXPECT_EQ(data["summary"], attack);
  EXPECT_EQ(data["facts"][0]["label"], attack);
  EXPECT_EQ(data["training"][0]["caption"], attack);
  EXPECT_EQ(data["configuration"], attack);
}

TEST(report_test, numbers_that_are_none_leave_the_curves) {
  report content;
  content.trace.append(1, {{"loss", 0.25}});
  content.trace.append(2, {{"loss", std::numeric_limits<double>::infinity()}, {"probe_loss", 0.123456789}});
  content.trace.append(3, {{"loss", 0.5}, {"ratio", 0.75}});
  const nlohmann::json data = data_of(render_report(content));
  EXPECT_EQ(data["series"]["loss"]["points"], nlohmann::json::parse("[[1, 0.25], [3, 0.5]]"));
  EXPECT_EQ(data["series"]["loss"]["mean"], 0.375);
  EXPECT_EQ(data["series"]["probe_loss"]["points"], nlohmann::json::parse("[[2, 0.123457]]"));
  EXPECT_EQ(data["series"]["gradient_norm"]["points"], nlohmann::json::array());
  EXPECT_TRUE(data["judged"].empty());
  EXPECT_TRUE(data["stop"].is_null());
}

TEST(report_test, carries_the_run) {
  const report content = made_up_run();
  ASSERT_TRUE(content.stop_step.has_value());
  const nlohmann::json data = data_of(render_report(content));
  EXPECT_EQ(data["stop"]["step"], *content.stop_step);
  EXPECT_EQ(data["judged"][0]["name"], "ratio");
  EXPECT_EQ(data["judged"][0]["bound"], 0.15);
  EXPECT_EQ(data["judged"][0]["stops"], "below 0.15");
  EXPECT_LT(data["judged"][0]["series"]["last"], 0.15);
  EXPECT_EQ(data["steps"]["last"], *content.stop_step);
  EXPECT_EQ(data["series"]["loss"]["points"].size(), static_cast<std::size_t>(*content.stop_step));
  EXPECT_EQ(data["comparisons"].size(), 8u);
  EXPECT_EQ(data["training"][0]["width"], 64);
  EXPECT_THAT(data["training"][0]["src"].get<std::string>(),
              testing::StartsWith("data:image/png;base64,iVBORw0KGgo"));
  EXPECT_THAT(data["configuration"].get<std::string>(), HasSubstr("\n  \"learning_rate\": 0.005"));
}

/// Gains are against the first record's losses of the untouched model; a trace without them has none.
TEST(report_test, says_what_was_gained_over_the_untouched_model) {
  report content;
  content.trace.append(1, {{"loss", 0.5}, {"untouched_probe_loss", 0.5}});
  content.trace.append(2, {{"loss", 0.5}, {"probe_loss", 0.25}});
  content.trace.append(3, {{"loss", 0.5}, {"probe_loss", 0.625}, {"held_out_probe_loss", 0.5}});
  const nlohmann::json gains = data_of(render_report(content))["gains"];
  const nlohmann::json& gain = gains["probe_loss"];
  EXPECT_EQ(gain["untouched"], 0.5);
  EXPECT_EQ(gain["points"], nlohmann::json::parse("[[2, 0.25], [3, -0.125]]"));
  EXPECT_EQ(gain["last"], -0.125);
  EXPECT_EQ(gain["highest"], 0.25);
  EXPECT_EQ(gain["highest_at"], 2);
  EXPECT_TRUE(gains["held_out_probe_loss"].is_null());
}

TEST(report_test, says_how_sure_the_mean_of_the_last_losses_is) {
  report content;
  std::vector<double> last;
  for (std::size_t step = 1; step <= 400; ++step) {
    content.trace.append(step, {{"loss", static_cast<double>(step * step % 101) / 128}});
    if (step > 90) last.push_back(static_cast<double>(step * step % 101) / 128);
  }
  const mean_error expected = mean_error_of(last);
  const nlohmann::json end = data_of(render_report(content))["series"]["loss"]["end"];
  EXPECT_EQ(end["count"], 310);
  for (const auto& [name, value] : {std::pair{"mean", expected.mean},
                                    {"standard_error", expected.standard_error},
                                    {"effective_sample_size", expected.effective_sample_size},
                                    {"split_r_hat", expected.split_r_hat}})
    EXPECT_NEAR(end[name].get<double>(), *value, 1e-5 * *value) << name;
  content.trace.reset();
  content.trace.append(1, {{"loss", 0.25}});
  EXPECT_TRUE(data_of(render_report(content))["series"]["loss"]["end"].is_null());
}

TEST(report_test, long_runs_do_not_make_heavy_pages) {
  report content;
  for (std::size_t step = 1; step <= 100'000; ++step)
    content.trace.append(step, {{"loss", static_cast<double>(step % 1009) / 1009}});
  const std::string page = render_report(content);
  EXPECT_LE(data_of(page)["series"]["loss"]["points"].size(), 4000u);
  EXPECT_LT(page.size(), 400'000u);
}

TEST(report_test, loads_nothing) {
  const std::string page = render_report(made_up_run(20));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("src=\"http")));
  EXPECT_THAT(page, Not(HasSubstr("<link")));
}

TEST(report_test, text_that_is_not_utf8_is_replaced) {
  report content;
  content.summary = "a\xff";
  EXPECT_EQ(data_of(render_report(content))["summary"], "a\xef\xbf\xbd");
}

TEST(report_test, is_written_whole_or_not_at_all) {
  const std::filesystem::path folder = std::filesystem::path{testing::TempDir()} / "report_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const report content = made_up_run(20);
  write_report(folder / "report.html", content);
  std::ifstream stream{folder / "report.html", std::ios::binary};
  EXPECT_EQ((std::string{std::istreambuf_iterator<char>{stream}, {}}), render_report(content));
  EXPECT_THROW(write_report(folder / "none" / "report.html", content), dvar::input_error);
}

TEST(markup_test, escapes_what_means_something) {
  EXPECT_EQ(escape_markup("<cat> & \"dog\" 'x'"), "&lt;cat&gt; &amp; &quot;dog&quot; &#39;x&#39;");
  EXPECT_EQ(escape_markup(std::string{"a\x01\0b\n", 5}), "a  b\n");
  EXPECT_EQ(escape_markup("Käse 猫"), "Käse 猫");
}

}  // namespace
}  // namespace dvar::reporting
